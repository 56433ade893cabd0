"""A sale's file, and what is wrong with it, one line for each mistake."""

from pathlib import Path

from pydantic import ValidationError

from doorbuster.faults import WrongFile
from doorbuster.mistakes import told
from gateway.definitions.sale import parse_sale
from sql.sales import SaleDefinition


def read_sale_file(path: Path) -> SaleDefinition:
    """The sale that the file defines. Raises WrongFile with one line for each mistake in it."""
    try:
        return parse_sale(path.read_bytes())
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise WrongFile("\n".join(f"{path}: {each}" for each in told(error))) from error
