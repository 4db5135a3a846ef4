"""What analysts are given: the star schema as a picture, pages, and a Power BI project, all made from dbt's manifest.

Belongs here: reading the manifest as a star (`manifest`, `star`), what is said of it in words (`words`), and the
renderers of Markdown, HTML, SVG and Power BI's files.
Does not: the marts, their tests and their words (`dbt_warm`), or where the files lie (`orchestration.rendered`).
"""
