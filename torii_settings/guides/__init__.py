"""The set-up guides: `docs/okta.md` and `docs/entra.md`, shown in the settings with the organization's own values."""
