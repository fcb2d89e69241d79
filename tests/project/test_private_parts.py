"""What we expect of parts of libraries that are no public API, one test each: raise a pin, and see what has changed.

docs/decisions/0021-statements-on-libpq.md and its like give the reasons for using them.
"""

import datetime as dt
import inspect
import threading
from base64 import b32encode
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import time_machine
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.contrib.admin import site
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.models.base import ModelState
from django.db.models.sql import InsertQuery, UpdateQuery
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from django.urls import base as urls
from kombu.transport import redis as kombu_redis, resolve_transport
from psycopg import OperationalError, adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import UndefinedTable, error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format, TransactionStatus
from rest_framework.request import Request
from scim2_models import Path, ScimFilter, User
from scim2_models.path import (
    AttributeBinding,
    CompareOperator,
    Comparison,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from members.models import Organization
from tests.conftest import new_key
from tests.disturbing import Other, other_connection
from torii_settings.statement import Parameter


def private(whatever: Any) -> Any:
    """Return what is given, of which types tell only the public parts."""
    return whatever


# psycopg --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wire(transactional_db: None) -> Any:
    """Return a connection of psycopg's, not in a transaction."""
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")
    with other_connection() as made:
        yield made


def test_psycopg_runs_commands_by_libpq_and_gives_results(wire: Other) -> None:
    pgconn = wire.pgconn
    found = pgconn.exec_params(b"SELECT $1::int + 1, NULL", [b"6"])
    assert (found.status, found.ntuples, found.get_value(0, 0)) == (ExecStatus.TUPLES_OK, 1, b"7")
    assert pgconn.prepare(b"name", b"SELECT $1::text").status == ExecStatus.COMMAND_OK
    assert pgconn.exec_prepared(b"name", [b"x"]).get_value(0, 0) == b"x"
    pgconn.exec_(b"CREATE TEMPORARY TABLE few (id int)")
    assert pgconn.exec_(b"INSERT INTO few VALUES (1), (2)").command_tuples == 2
    failed = pgconn.exec_(b"SELECT 1/0")
    assert failed.status == ExecStatus.FATAL_ERROR
    assert failed.error_field(DiagnosticField.SQLSTATE) == b"22012"


def test_psycopg_tells_the_state_of_connection_and_transaction(wire: Other) -> None:
    assert (wire.pgconn.status, wire.pgconn.transaction_status) == (ConnStatus.OK, TransactionStatus.IDLE)
    wire.pgconn.exec_(b"BEGIN")
    assert wire.pgconn.transaction_status == TransactionStatus.INTRANS
    wire.pgconn.exec_(b"SELECT 1/0")
    assert wire.pgconn.transaction_status == TransactionStatus.INERROR
    wire.close()
    assert wire.pgconn.status == ConnStatus.BAD


def test_psycopg_gives_results_one_by_one_and_the_servers_own_before_libpqs(wire: Other) -> None:
    """`exec_` gives the last, which says of a connection that the server has ended only that it is gone."""
    wire.pgconn.send_query(b"SELECT pg_terminate_backend(pg_backend_pid())")
    found = []
    with suppress(OperationalError):
        while True:
            while wire.pgconn.is_busy():
                wire.pgconn.consume_input()
            found.append(wire.pgconn.get_result())
    assert found[0] is not None
    assert found[0].error_field(DiagnosticField.SQLSTATE) == b"57P01"
    assert wire.closed


def test_psycopg_notices_without_waiting_that_the_server_has_hung_up(wire: Other) -> None:
    wire.pgconn.consume_input()
    assert wire.pgconn.socket >= 0


def test_psycopgs_transformer_converts_values_both_ways(wire: Other) -> None:
    transformer = Transformer(wire)
    moment = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    values = transformer.dump_sequence([7, "x", None, moment, True], [PyFormat.TEXT] * 5)
    assert values[2] is None
    found = wire.pgconn.exec_params(b"SELECT $1::int, $2::text, $3::int, $4::timestamptz, $5::bool", values)
    transformer.set_pgresult(found)
    assert transformer.load_rows(0, 1, tuple) == [(7, "x", None, moment, True)]


def test_psycopg_makes_its_own_error_of_a_result(wire: Other) -> None:
    error = error_from_result(wire.pgconn.exec_(b"SELECT * FROM no_such_table"))
    assert isinstance(error, UndefinedTable)
    assert error.sqlstate == "42P01"


def test_psycopg_lets_a_type_be_read_like_another(wire: Other) -> None:
    loader = adapters.get_loader(adapters.types["text"].oid, Format.TEXT)
    assert loader is not None
    wire.adapters.register_loader("jsonb", loader)
    assert wire.execute("""SELECT '{"a": 1}'::jsonb""").fetchone() == ('{"a": 1}',)


def test_psycopg_prepares_nothing_by_itself(wire: Other) -> None:
    """Django turns it off. A statement that went out of date without our knowing could not be run again."""
    for _ in range(9):
        wire.execute("SELECT %s::int", [1])
    assert wire.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


# Django's database ----------------------------------------------------------------------------------------------------


def test_djangos_cursor_wrapper_runs_what_it_wraps_in_one_method(db: None) -> None:
    assert list(inspect.signature(private(CursorWrapper)._execute).parameters)[:3] == ["self", "sql", "params"]
    assert list(inspect.signature(private(CursorWrapper)._executemany).parameters)[:3] == ["self", "sql", "param_list"]
    assert issubclass(CursorDebugWrapper, CursorWrapper)
    with connection.cursor() as cursor:
        assert cursor.db is connections[DEFAULT_DB_ALIAS]
        cursor.execute("SELECT 1")
        assert cursor.cursor.fetchall() == [(1,)]


def test_django_wraps_cursors_as_the_backend_says(db: None) -> None:
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    made: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrapper, "make_cursor", lambda cursor: made.append("plain"))
        patch.setattr(wrapper, "make_debug_cursor", lambda cursor: made.append("debug"))
        wrapper._prepare_cursor(None)
        patch.setattr(wrapper, "force_debug_cursor", True)
        wrapper._prepare_cursor(None)
    assert made == ["plain", "debug"]


def test_django_commits_and_rolls_back_by_methods_of_the_backend() -> None:
    for name in ("commit", "rollback"):
        assert f"self._{name}()" in inspect.getsource(getattr(BaseDatabaseWrapper, name))


def test_django_gives_up_a_connection_whose_time_is_over(transactional_db: None) -> None:
    connection.ensure_connection()
    connection.close_at = 0.0
    connection.close_if_unusable_or_obsolete()
    if connection.vendor == "postgresql":
        assert connection.connection is None


# Django's models ------------------------------------------------------------------------------------------------------


def test_djangos_compiler_leaves_our_parameters_where_values_go(db: None) -> None:
    parameter = Parameter("name", Organization._meta.get_field("name"))
    compiler = Organization.objects.filter(name=parameter).values_list("id", "name").query.get_compiler("default")
    sql, params = compiler.as_sql()
    assert sql.count("%s") == 1
    assert list(params) == [parameter]
    assert [expression.target.name for expression, _, _ in compiler.select] == ["id", "name"]
    assert isinstance(compiler.get_converters([expression for expression, _, _ in compiler.select]), dict)


def test_djangos_insert_and_update_take_our_parameters(db: None) -> None:
    name = Organization._meta.get_field("name")
    insert = InsertQuery(Organization)
    insert.insert_values([name], [Organization(name=Parameter("name", name))], raw=True)
    ((sql, params),) = insert.get_compiler("default").as_sql()
    assert sql.startswith("INSERT INTO")
    assert [type(param) for param in params] == [Parameter]
    update: Any = Organization._base_manager.filter(pk=1).query.chain(UpdateQuery)
    update.add_update_fields([(name, None, Parameter("name", name))])
    sql, params = update.get_compiler("default").as_sql()
    assert sql.startswith("UPDATE")
    assert isinstance(params[0], Parameter)


def test_django_knows_a_saved_instance_by_two_attributes_of_its_state_and_keeps_related_ones_there(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    made = Organization.__new__(Organization)
    made.__dict__.update({key: value for key, value in vars(acme).items() if key != "_state"})
    made._state = ModelState()
    made._state.adding, made._state.db = False, "default"
    assert made == acme
    made.name = "Renamed"
    made.save()
    assert Organization.objects.get().name == "Renamed"
    key = new_key(acme).api_key
    key._state.fields_cache = {"organization": made}
    with django_assert_num_queries(0):
        assert key.organization is made


def test_django_keeps_settings_as_attributes_until_it_is_given_others() -> None:
    for number in (1, 2):
        with override_settings(KEY_RATE_LIMIT=number):
            assert settings.KEY_RATE_LIMIT == vars(settings)["KEY_RATE_LIMIT"] == number
    with pytest.raises(AttributeError):
        _ = private(settings).NO_SUCH_SETTING


def test_django_keeps_what_a_thread_has_as_attributes() -> None:
    kept = private(connections)._connections
    assert getattr(kept, DEFAULT_DB_ALIAS) is connections[DEFAULT_DB_ALIAS]
    before = urls.get_urlconf()
    urls.set_urlconf("some.urls")
    assert private(urls)._urlconfs.value == "some.urls"
    urls.set_urlconf(before)
    assert all(isinstance(each, private(urls).Local | threading.local) for each in (kept, private(urls)._urlconfs))


# Django's requests ----------------------------------------------------------------------------------------------------


def test_djangos_handler_answers_by_a_method_that_is_given_the_request() -> None:
    assert "response = self.get_response(request)" in inspect.getsource(WSGIHandler.__call__)


def test_django_turns_only_exceptions_into_answers() -> None:
    """So RunAgain, which is none, gets through all middleware to the handler."""

    class Leaves(BaseException):
        pass

    def view(request: HttpRequest) -> Any:
        raise Leaves

    with pytest.raises(Leaves):
        convert_exception_to_response(view)(RequestFactory().get("/"))


def test_a_request_of_djangos_has_the_body_that_it_was_given() -> None:
    request = HttpRequest()
    request._body = b"{}"
    assert request.body == b"{}"


def test_rest_frameworks_request_has_djangos() -> None:
    request = RequestFactory().get("/")
    assert Request(request)._request is request


def test_djangos_admin_lists_its_models() -> None:
    assert Organization in site._registry


# kombu, redis ---------------------------------------------------------------------------------------------------------


def test_kombus_channel_still_stumbles_over_a_closed_connection() -> None:
    """`lib.broker.redis.Channel` mends this. Once kombu does, that can go."""
    channel: Any = object.__new__(private(kombu_redis.Channel))
    channel.connection = SimpleNamespace(client=None)
    with pytest.raises(AttributeError):
        channel._connparams()


def test_kombu_finds_our_transports_by_their_names() -> None:
    assert private(resolve_transport("redis")).Channel.__module__ == "lib.broker.redis"
    assert private(resolve_transport("filesystem")).Channel.__module__ == "lib.broker.folder"


@pytest.mark.skipif(not settings.REDIS_URL, reason="needs Redis")
def test_a_connection_of_redis_sends_what_is_packed_and_reads_one_answer() -> None:
    made = redis.ConnectionPool.from_url(settings.REDIS_URL).make_connection()
    try:
        made.send_packed_command([b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"])
        assert made.read_response() == b"hi"
        made.send_packed_command([b"*1\r\n$4\r\nNOPE\r\n"])
        with pytest.raises(redis.ResponseError):
            made.read_response()
    finally:
        made.disconnect()


# scim2-models ---------------------------------------------------------------------------------------------------------


def test_scim2_models_parses_filters_into_a_tree() -> None:
    tree: Any = ScimFilter[User]('userName eq "a" and not (title pr) or emails[type eq "work"]').ast
    assert isinstance(tree, LogicalExpr)
    assert tree.op == LogicalOperator.or_
    both, work = tree.terms
    assert isinstance(both, LogicalExpr)
    assert (both.op, [type(term) for term in both.terms]) == (LogicalOperator.and_, [Comparison, Not])
    name, no_title = private(both.terms)
    assert (name.attr_path.attr, name.op, name.value) == ("userName", CompareOperator.eq, "a")
    assert isinstance(no_title.expr, Present)
    assert isinstance(work, ValuePath)
    assert work.attr_path.attr == "emails"


def test_scim2_models_binds_a_path_to_an_attribute_and_converts_values_to_its_type() -> None:
    parsed = ScimFilter[User]('meta.created gt "2026-01-02T00:00:00Z"')
    tree: Any = parsed.ast
    binding = parsed.resolve(tree.attr_path)
    assert isinstance(binding, AttributeBinding)
    assert (binding.field_name, binding.sub_field_name, binding.is_multivalued) == ("meta", "created", False)
    assert binding.target_type is dt.datetime
    assert coerce_value(binding, tree.value, tree.op) == dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def test_scim2_models_tells_which_values_a_patch_selects() -> None:
    value_filter = Path[User]('emails[type eq "work"].value').value_filter
    assert isinstance(value_filter, Comparison)
    assert (value_filter.attr_path.attr, value_filter.value) == ("type", "work")


# Python ---------------------------------------------------------------------------------------------------------------


def test_a_lock_can_be_renewed_in_a_forked_process() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock._at_fork_reinit()  # type: ignore[attr-defined]
    assert not lock.locked()


# allauth --------------------------------------------------------------------------------------------------------------


def test_allauth_computes_one_time_codes_as_rfc_4226_does(settings: Any) -> None:
    """The values are those of its appendix D."""
    secret = b32encode(b"12345678901234567890").decode()
    codes = [totp.format_hotp_value(totp.hotp_value(secret, counter)) for counter in range(4)]
    assert codes == ["755224", "287082", "359152", "969429"]
    assert totp.compare_user_code(actual="755 224", expected="755224")
    assert not totp.compare_user_code(actual="٧٥٥٢٢٤", expected="755224")
    settings.MFA_TOTP_TOLERANCE = 1
    with time_machine.travel(59, tick=False):
        assert list(totp.yield_hotp_counters_from_time()) == [0, 1, 2]
