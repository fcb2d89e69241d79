"""What every page of the staff admin has in common.

Staff change things through the models' verbs, so that rules hold and the audit log knows. A verb may refuse, which
undoes the whole request and is told in a message.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import IntegerField, QuerySet, Subquery
from django.forms import Field, ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from audit.actor import Actor, Origin
from audit.models import Action, Event
from lib.attempts import Limit
from lib.words import SearchTooLong, words_of
from members.errors import MemberError
from members.models import Organization, User

# What a customer can copy of a key; the part in it that identifies the key.
KEY_HINT = re.compile(r"torii_(?:scim|api)_([0-9a-z]{8})")
COUNTED_TO = 1000
# What the filters of Django and unfold put behind the name of a field, and of one that leads to another model.
FILTER_SUFFIXES = ("__exact", "__isnull", "_from", "_to")
RELATED_SUFFIXES = ("__id__exact", "__isnull")


class RowCount(Subquery):
    """How many rows a query has, counted no further than is shown: a table may have millions."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[: COUNTED_TO + 1])


def count_text(counted: int) -> str:
    """Return what a RowCount has counted, or that there are more."""
    return f"{counted:,}" if counted <= COUNTED_TO else f"more than {COUNTED_TO:,}"


def link_to_list(model: str, query: dict[str, Any], text: str) -> SafeString:
    """Return a link to the rows of `model`, as in "members.Member", that `query` selects."""
    path = reverse(f"admin:{model.lower().replace('.', '_')}_changelist")
    return format_html('<a class="staff-link" href="{}?{}">{}</a>', path, urlencode(query), text)


def staff(request: HttpRequest, right: str) -> Actor:
    """Return the actor for whoever of the staff sent `request`, who needs the permission `right` for what they do."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("The staff admin has let a stranger in.")
    return user.actor(Origin.of(request), right=right)


class StaffAdmin(ModelAdmin):
    """Lists and forms of one model, which nobody may add to, change or delete unless a subclass has a verb for it.

    Tables may be of any size: nothing is counted, and all of it is never selected at once.
    """

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_disable_select_all = True
    list_filter_submit = True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the words of a search; one that is too long finds nothing, and a message says so."""
        try:
            words_of(search_term)
        except SearchTooLong as error:
            # What a list to choose from asks for in the background shows no messages.
            if not request.path.endswith("/autocomplete/"):
                messages.warning(request, error.detail)
            return queryset.none(), False
        return self.found(request, queryset, search_term.replace("\0", " "))

    def found(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Return what a search finds, and whether it may find something twice."""
        result: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return result

    # Verbs ------------------------------------------------------------------------------------------------------------

    def create_by_verb(self, request: HttpRequest, form: Any) -> models.Model:
        """Create what `form` describes, and return it."""
        raise NotImplementedError

    def change_by_verb(self, request: HttpRequest, obj: Any, form: Any) -> None:
        """Change `obj`, to which Django has already given the values of `form`."""
        raise NotImplementedError

    def delete_by_verb(self, request: HttpRequest, obj: Any) -> None:
        """Delete `obj`."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: models.Model, form: "ModelForm[Any]", change: bool) -> None:
        """Create or change by the model's verb."""
        if change:
            self.change_by_verb(request, obj, form)
        else:
            become(obj, self.create_by_verb(request, form))

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Delete by the model's verb."""
        self.delete_by_verb(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete each by the model's verb: all of them, or none when one is refused."""
        for obj in queryset:
            self.delete_by_verb(request, obj)

    def get_deleted_objects(
        self, objs: Iterable[models.Model], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name what is to be deleted, without the rows that hang on it: the verb knows what becomes of those."""
        names = [str(obj) for obj in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: models.Model | None = None,
    ) -> HttpResponse:
        """Show the page of an object; the organization that it belongs to can see who of the staff opened it."""
        if request.method == "GET" and obj is not None:
            record_opened(obj, staff(request, self.view_right()))
        page: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return page

    def view_right(self) -> str:
        """Return the permission that looking at these objects takes."""
        return f"{self.opts.app_label}.{get_permission_codename('view', self.opts)}"

    # What a verb refuses ----------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or carry out an action on it; answer 400 to a look-up that the list doesn't offer."""
        if detail := unfit_value(request):
            return refused(request, detail)
        try:
            return self.unless_refused(
                request,
                lambda: super(StaffAdmin, self).changelist_view(request, extra_context),
                request.get_full_path(),
            )
        except DisallowedModelAdminLookup:
            names = ", ".join(sorted(self.lookups_offered(request)))
            detail = f"This list can be filtered by {names or 'nothing'}, and the address has something else."
            return refused(request, detail)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether one of the list's filters asks for this: any other look-up tells, bit by bit, what no page shows."""
        return request is not None and lookup in self.lookups_offered(request)

    def lookups_offered(self, request: HttpRequest) -> set[str]:
        """Return the names of the parameters that the list's filters have."""
        offered: set[str] = set()
        for entry in self.get_list_filter(request):
            if isinstance(entry, type):
                offered.add(entry.parameter_name)  # type: ignore[attr-defined]
                continue
            field = entry if isinstance(entry, str) else entry[0]
            suffixes = RELATED_SUFFIXES if self.opts.get_field(field).is_relation else FILTER_SUFFIXES
            offered.update(f"{field}{suffix}" for suffix in suffixes)
        return offered

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one object, create or change it."""
        # A form shows what was chosen, also what is wrong, and looks for it in the database.
        if self.has_unfit_relation(request):
            return refused(request, "What the form refers to has no such id.")
        return self.unless_refused(
            request,
            lambda: super(StaffAdmin, self).changeform_view(request, object_id, form_url, extra_context),
            request.get_full_path(),
        )

    def has_unfit_relation(self, request: HttpRequest) -> bool:
        """Whether the address or the form gives an object of another kind by what can't be its id."""
        for relation in (*self.opts.fields, *self.opts.many_to_many):
            if relation.related_model is None:
                continue
            for sent in (request.GET, request.POST):
                for value in filter(None, sent.getlist(relation.name)):
                    try:
                        relation.related_model._meta.pk.to_python(value)
                    except ValidationError:
                        return True
                    if is_too_large(value):
                        return True
        return False

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask before deleting, and delete."""
        return self.unless_refused(
            request,
            lambda: super(StaffAdmin, self).delete_view(request, object_id, extra_context),
            self.page_of(object_id),
        )

    def unless_refused(self, request: HttpRequest, view: Callable[[], HttpResponse], page: str) -> HttpResponse:
        """Return what `view` answers to `request`; if a verb refuses, undo everything, say why and go to `page`."""
        if request.method != "POST":
            return view()
        try:
            with transaction.atomic():
                return view()
        except (MemberError, ValidationError) as refusal:
            self.message_user(request, sentence(refusal), messages.ERROR)
            return HttpResponseRedirect(page)

    def after_dialog(self, request: HttpRequest, object_id: str, verb: Callable[[], None], done: str) -> HttpResponse:
        """Carry out `verb`, which a dialog on the object's page has asked for, and go back to the page to say so."""
        page = self.page_of(object_id)

        def view() -> HttpResponse:
            verb()
            self.message_user(request, done, messages.SUCCESS)
            return HttpResponseRedirect(page)

        answer = self.unless_refused(request, view, page)
        # The dialog is sent by htmx, which would follow a redirect by itself and show the page inside the dialog.
        return HttpResponse(headers={"HX-Redirect": answer.headers["Location"]})

    def sought(self, request: HttpRequest, object_id: str) -> Any:
        """Return the object that a dialog is about. Raises Http404, also for what is no id at all."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id}.")
        return obj

    def page_of(self, object_id: str) -> str:
        """Return the path of an object's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])

    # Forms ------------------------------------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        """Return the field without the buttons that open a related object in a pop-up."""
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


def record_opened(obj: models.Model, by: Actor) -> None:
    """Record in the log of an object's organization that staff opened its page, at most once a minute.

    A page of the log itself isn't recorded: reading it would make it longer.
    """
    organization = obj if isinstance(obj, Organization) else getattr(obj, "organization", None)
    if organization is None or isinstance(obj, Event):
        return
    if Limit("staff opened", 1, 60).by(by.id, obj._meta.label, str(obj.pk)).take():
        Event.record(Action.STAFF_OPENED, organization, by=by, target=obj)


def unfit_value(request: HttpRequest) -> str:
    """Return in a sentence what keeps a database from looking for a value in the address; empty if nothing does."""
    for name, values in request.GET.lists():
        # A search leaves NUL out by itself.
        if name != SEARCH_VAR and any("\0" in value for value in values):
            return "A value in the address has a NUL character, which nothing in this list has."
        if name.endswith(RELATED_SUFFIXES[0]) and any(map(is_too_large, values)):
            return "A number in the address is too large for an id."
    return ""


def is_too_large(text: str) -> bool:
    """Whether `text` is a number that SQLite has no room for."""
    try:
        return abs(int(text)) >= 2**63
    except ValueError:
        return False


def refused(request: HttpRequest, detail: str) -> HttpResponse:
    """Return the page that says in a sentence what is wrong with the address."""
    return TemplateResponse(request, "refused.html", {"detail": detail, "base_url": ""}, status=400)


def become(obj: models.Model, created: models.Model) -> None:
    """Make `obj`, which a form has filled but nobody has saved, the row that a verb has created."""
    obj.pk = created.pk
    obj.refresh_from_db()


def sentence(refusal: MemberError | ValidationError) -> str:
    """Return what a refusal says to a person."""
    return refusal.detail if isinstance(refusal, MemberError) else " ".join(refusal.messages)
