"""Who belongs to an organization, and what each may do."""
