"""What the calls that change products take and answer."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from gateway.definitions.fields import ImageUrl, Text, Title, Units, without_defaults
from gateway.definitions.product import ProductDefinition
from gateway.openapi import ADMIN, Header, Operation, Success, Tag
from gateway.openapi.vocabulary import ETAG, IF_MATCH, IF_MATCH_UNLESS_NEW, SKU
from gateway.problems import PRECONDITION_FAILED, PRECONDITION_REQUIRED, UNKNOWN_SKU
from gateway.product_operations import ProductBody
from sql.products import Product


class WholeProduct(BaseModel):
    """All of a product but its sku; without a name it is called by that."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Title | None = None
    price: Annotated[Units, Field(description="in minor units of the shop's currency")]
    description: Text | None = None
    image_url: ImageUrl | None = None

    def to_product(self, sku: str) -> Product:
        """The product that it makes of this sku."""
        return ProductDefinition(sku=sku, **self.model_dump()).to_product()


class ProductChange(BaseModel):
    """What is to be other than it is; null takes it away."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=without_defaults)

    name: Title | None = None
    price: Units = 0
    description: Text | None = None
    image_url: ImageUrl | None = None


_CREATED: Final = Header("Location", "Where buyers read it.")
_PRECONDITIONS: Final = (PRECONDITION_FAILED, PRECONDITION_REQUIRED)
_CHANGED: Final = Success(
    status=200, description="The product as it is now.", body=ProductBody, headers=(ETAG,)
)

READ_PRODUCT_TO_CHANGE: Final = Operation(
    method="GET",
    id="readProductToChange",
    summary="A product as it is now, with the ETag that changes it",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SKU,),
    successes=(Success(status=200, description="The product.", body=ProductBody, headers=(ETAG,)),),
    problems=(UNKNOWN_SKU,),
)

PUT_PRODUCT: Final = Operation(
    method="PUT",
    id="putProduct",
    summary="Create a product, or write it anew",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SKU, IF_MATCH_UNLESS_NEW),
    body=WholeProduct,
    successes=(
        Success(status=201, description="It is new.", body=ProductBody, headers=(ETAG, _CREATED)),
        _CHANGED,
    ),
    problems=_PRECONDITIONS,
)

CHANGE_PRODUCT: Final = Operation(
    method="PATCH",
    id="changeProduct",
    summary="Change some of a product",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SKU, IF_MATCH),
    body=ProductChange,
    successes=(_CHANGED,),
    problems=(UNKNOWN_SKU, *_PRECONDITIONS),
)
