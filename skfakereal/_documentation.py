"""Where the documentation is, and the link to it from an estimator's box in notebooks."""

# The address of the site, with a slash at its end. None: it has none, and nothing links to it.
SITE: str | None = None


class DocumentationLink:
    """Lets scikit-learn link an estimator to its page, once there is a site.

    Named by the attributes that its HTML box asks for.
    """

    @property
    def _doc_link_module(self) -> str:
        return "" if SITE is None else "skfakereal"

    @property
    def _doc_link_template(self) -> str:
        return f"{SITE}generated/{{estimator_module}}.{{estimator_name}}.html"
