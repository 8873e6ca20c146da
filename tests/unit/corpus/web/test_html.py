from bedstone.corpus.web import html

PAGE = """<body><nav><a href=/>Gardens</a></nav><main><h1>Gardens of  the
north</h1><p>They bloom late, but they bloom long, and in autumn nobody remembers how.</p>
<ul><li>one thing</li></ul><h2><a href=x>Water</a> and light</h2>
<p>Both are rare. Water is brought from the lake, light comes by itself in May.</p></main></body>"""


def test_headings_are_lines_of_the_text():
    found = html.text_of(PAGE, main_content=True)
    lines = found.text.split("\n")
    assert [lines[number] for number in found.headings] == [
        "Gardens of the north",
        "Water and light",
    ]
    assert "Gardens" not in lines


def test_main_content_is_a_choice():
    assert html.text_of(PAGE, main_content=False).text.startswith("Gardens\n")
