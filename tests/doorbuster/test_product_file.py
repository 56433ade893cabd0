"""Files of products: what they say, and what is wrong with them."""

from pathlib import Path

import pytest

from doorbuster.faults import WrongFile
from doorbuster.product_file import read_product_file
from sql.products import Product

LAMP = Product(sku="LAMP", name="Lämp, big", price=1999, image_url="https://shop.example/l.webp")
MUG = Product(sku="MUG", name="MUG", price=0, description="Two\nlines")
JSON = """
{"sku": "MUG", "price": 0, "description": "Two\\nlines"}

{"sku": "LAMP", "name": "Lämp, big", "price": 1999, "image_url": "https://shop.example/l.webp"}
"""
CSV = """sku,name,price,description,image_url
MUG,,0,"Two
lines",

LAMP,"Lämp, big",1999,,https://shop.example/l.webp
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def mistakes(file: Path) -> list[str]:
    """What is wrong with it, without the file's name."""
    with pytest.raises(WrongFile) as fault:
        read_product_file(file)
    return [line.removeprefix(f"{file}: ") for line in str(fault.value).splitlines()]


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", JSON), ("a.csv", CSV), ("bom.csv", "\ufeff" + CSV)]
)
def test_both_forms_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert read_product_file(written(tmp_path, name, text)) == [LAMP, MUG]


def test_every_mistake_names_its_line(tmp_path: Path) -> None:
    text = (
        '{"sku":"A","price":1}\n\n{"sku":"b c","price":-1}\n{"sku":"A","price":2}\n[\n{"sku":"D"}'
    )
    lines = mistakes(written(tmp_path, "a.jsonl", text))
    assert [line.partition(": ")[0] for line in lines] == [
        "line 3", "line 3", "line 4", "line 5", "line 6"
    ]  # fmt: skip
    assert lines[0].startswith("line 3: sku: ")
    assert lines[1].startswith("line 3: price: ")
    assert lines[2] == "line 4: A stands on line 1 already"
    assert lines[3].startswith("line 5: Invalid JSON")
    assert lines[4] == "line 6: price: Field required"


def test_a_price_is_never_read_as_something_else(tmp_path: Path) -> None:
    """19.90 is not 19, and nobody guesses that it means 1990."""
    prices = ["19.90", "19.0", "1_999", "1,5", "1e3", "x", "", "99999999999999999999"]
    text = "sku,price\n" + "".join(f'A,"{price}"\n' for price in prices)
    lines = mistakes(written(tmp_path, "a.csv", text))
    assert [line.split(": ")[:2] for line in lines] == [
        [f"line {number}", "price"] for number in range(2, 10)
    ]


def test_a_column_that_means_nothing_is_refused(tmp_path: Path) -> None:
    (line,) = mistakes(written(tmp_path, "a.csv", "sku,price,colour\nA,1,red\n"))
    assert line == "line 2: colour: Extra inputs are not permitted"
    (line,) = mistakes(written(tmp_path, "a.csv", "sku,price\nA,1,red\n"))
    assert line == "line 2: it has more cells than there are columns"
    (line,) = mistakes(written(tmp_path, "a.csv", 'sku,price\nA,"1\n'))
    assert line.startswith("line 2: ")


def test_an_address_that_a_browser_would_run_is_refused(tmp_path: Path) -> None:
    for address in ("javascript:alert(1)", "data:text/html,x", 'https://x/\\"onload', "lamp.webp"):
        text = f'{{"sku": "A", "price": 1, "image_url": "{address}"}}'
        (line,) = mistakes(written(tmp_path, "a.jsonl", text))
        assert line.startswith("line 1: image_url: ")


def test_only_the_first_mistakes_are_told(tmp_path: Path) -> None:
    lines = mistakes(written(tmp_path, "a.jsonl", "{}\n" * 30))
    assert (len(lines), lines[-1]) == (21, "and 40 more mistakes")


@pytest.mark.parametrize("content", [None, b'{"sku": "\xff"}'])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "a.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert len(mistakes(file)) == 1
