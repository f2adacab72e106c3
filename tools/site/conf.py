"""Sphinx's settings for the course as a site; tools/website.py copies them beside the sources that it writes."""

project = "The Week 8 practicum"
html_title = project
root_doc = "index"
language = "en"
extensions = ["myst_nb"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4  # GitHub's names for headings
nb_execution_mode = "off"  # the stored outputs are the page
nb_merge_streams = True
# marks within tables and lines (<a id>) are no targets that Sphinx knows; tools/links.py looks at every link afterwards
suppress_warnings = ["myst.xref_missing"]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,  # arrows belong to sliders
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}  # dark where the reader's other windows are
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("sliders.js", "course.js")]
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_use_index = False
mathjax_path = "tex-svg.js"  # one file, fonts and all, so that nothing else is asked for
mathjax3_config = {"options": {"enableMenu": False}}
