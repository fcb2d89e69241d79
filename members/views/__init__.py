"""The settings pages: each view parses, calls a verb of the models, and answers.

Every page is whole, with or without JavaScript. A dialog fetches the same page and takes its panel out of it, so views
don't care which it was; only a finished form does (`answers.see_other`).
"""
