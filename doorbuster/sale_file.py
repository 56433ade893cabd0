"""A sale's file, and what is wrong with it, one line for each mistake."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from doorbuster.faults import WrongFile
from doorbuster.mistakes import told
from gateway.definitions.sale import SaleChange, parse_change, parse_sale
from sql.sales import SaleDefinition

T = TypeVar("T")


def read_sale_file(path: Path) -> SaleDefinition:
    """The sale that the file defines. Raises WrongFile with one line for each mistake in it."""
    return _read(path, parse_sale)


def read_change_file(path: Path) -> SaleChange:
    """What of a sale is to be other than it is. Raises WrongFile."""
    return _read(path, parse_change)


def _read(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise WrongFile("\n".join(f"{path}: {each}" for each in told(error))) from error
