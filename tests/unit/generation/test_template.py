import json

import pytest

from bedstone.errors import ConfigError
from bedstone.generation.template import filled, render

CHATML = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{{- "Today Date: " + date_string + "\n\n" + system_message + "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}
        {{- message['content'] | trim + '<|eot_id|>' }}
    {%- else %}
        {{- message.tool_calls | tojson(indent=2) }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""
MISTRAL = """{{ bos_token }}
{% for message in messages %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {% endif %}
    {% if message['role'] == 'user' %}
[INST] {{ message['content'] }} [/INST]
    {%- elif message['role'] == 'assistant' %}
        {% generation %}
{{ message['content'] }}{{ eos_token }}
        {% endgeneration %}
    {% endif %}
{% endfor %}"""
QWEN = """{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if message.role != "user" %}{% continue %}{% endif %}
    {%- set ns.last = index %}{% break %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if loop.index0 < ns.last and '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}
{%- if enable_thinking is defined and not enable_thinking %}{{- '<think></think>' }}{%- endif %}"""
TURNS = [
    {"role": "user", "content": " Who are <you>? \u0928\u092e\u0938\u094d\u0924\u0947 \U0001f469 "},
    {"role": "assistant", "content": "<think>hm</think>\nNobody & 'none'\n"},
    {"role": "user", "content": "\n\nGo on.\n"},
]
SLOW_BOMBS = {
    "loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "power": "{% set x = namespace(n=9) %}{% for a in 'abc' %}{% set x.n=x.n**x.n %}{% endfor %}",
}
BOMBS = {
    "range": "{% for a in range(10 ** 10) %}{% endfor %}",
    "repeat": "{{ 'a' * 10 ** 9 }}",
    "width": "{{ '%999999999d' % 1 }}",
    "format": "{{ '{:>999999999}'.format(1) }}",
    "indent": "{{ [1] | tojson(indent=10 ** 9) }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "output": "{% for a in range(99999) %}{{ 'a' * 999 }}{% endfor %}",
}
ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ (''|attr('__class__')).x }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ raise_exception.__globals__.x }}",
    "{{ strftime_now.__code__.x }}",
    "{% set x = namespace(__class__=1) %}",
    "{% set x = namespace() %}{% set x.__class__ = 1 %}",
    "{{ messages.append(1) }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
]


@pytest.mark.parametrize("template", [CHATML, LLAMA3, MISTRAL, QWEN])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("names", [{}, {"enable_thinking": False}])
def test_as_transformers_renders(template, begun, names):
    chat_template_utils = pytest.importorskip("transformers.utils.chat_template_utils")
    conversations = [TURNS, TURNS[:1], TURNS[:2]]
    names = {"bos_token": "<s>", "eos_token": "</s>", **names}
    theirs, _ = chat_template_utils.render_jinja_template(
        conversations, chat_template=template, add_generation_prompt=begun, **names
    )
    del names["bos_token"], names["eos_token"]
    ours = render(
        template, conversations, begin="<s>", end="</s>", add_generation_prompt=begun, **names
    )
    assert ours == theirs


def test_what_a_template_refuses():
    with pytest.raises(ConfigError, match="given up: TemplateError: Conversation roles must alt"):
        render(MISTRAL, [TURNS[:1], TURNS[1:]])


def test_a_template_that_cannot_be_read():
    with pytest.raises(ConfigError, match="given up: TemplateSyntaxError: unexpected"):
        render("{% for", [TURNS])


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_an_error(name):
    with pytest.raises(ConfigError, match="the chat template was given up"):
        render(BOMBS[name], [TURNS])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_BOMBS)
def test_a_bomb_of_time_ends_in_an_error(name):
    with pytest.raises(ConfigError, match=r"it takes more than . s, or too much memory"):
        render(SLOW_BOMBS[name], [TURNS])


@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_reaches_nothing(template):
    with pytest.raises(ConfigError, match=r"given up: (SecurityError|TypeError: no loader)"):
        render(template, [TURNS])


def test_a_format_reaches_nothing():
    assert render("{{ '{0.__class__}'.format('') }}", [TURNS]) == [""]


def test_the_names_of_time_and_json():
    (text,) = render("{{ strftime_now('%Y')|length }} {{ messages|tojson }}", [TURNS])
    assert text == f"4 {json.dumps(TURNS, ensure_ascii=False)}"


def test_a_text_may_hold_any_character():
    messages = [{"role": "user", "content": "\ud800\x00\ufdd0"}]
    assert render("{{ messages[0].content }}", [messages]) == ["\ud800\x00\ufdd0"]


def test_a_test_s_templates_are_filled_with_each_row():
    templates = {"ask": "{{ask}}?\n", "text": "{{text|regex_replace('[0-9]+', '#', 1)}}"}
    rows = [{"ask": "ä", "text": "a1b22"}, {"ask": 7, "text": "\ud800"}]
    expected = [{"ask": "ä?\n", "text": "a#b22"}, {"ask": "7?\n", "text": "\ud800"}]
    assert filled(templates, rows) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{% for n in range(99999) %}{% for m in range(99999) %}xxxxxxxx{% endfor %}{% endfor %}",
        "{{ 'x' * 2 ** 40 }}",
        "{{ absent }}",
        "{{ row.__class__ }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_test_s_template_is_held_as_a_chat_s(template):
    with pytest.raises(ConfigError, match="a template of the test was given up"):
        filled({"it": template}, [{"row": 1}])
