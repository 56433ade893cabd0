"""A product as an operator writes it."""

from pydantic import BaseModel, ConfigDict

from gateway.definitions.fields import ImageUrl, Name, Text, Title, Units
from sql.products import Product


class ProductDefinition(BaseModel):
    """A whole product; without a name it is called by its sku."""

    model_config = ConfigDict(extra="forbid")

    sku: Name
    name: Title | None = None
    price: Units
    description: Text | None = None
    image_url: ImageUrl | None = None

    def to_product(self) -> Product:
        """The product that it defines."""
        return Product(
            sku=self.sku,
            name=self.name or self.sku,
            price=self.price,
            description=self.description,
            image_url=self.image_url,
        )
