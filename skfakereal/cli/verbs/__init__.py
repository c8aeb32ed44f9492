"""The verbs: what each takes (`add_parser`) and what it does (`run`)."""

__all__: list[str] = []
