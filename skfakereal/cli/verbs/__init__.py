"""The verbs: what each takes (`add_arguments`) and what it does (`run`)."""
