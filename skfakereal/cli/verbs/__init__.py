"""The verbs: what each takes (`add_parser`) and what it does (`run`)."""
