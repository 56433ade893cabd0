"""What browsers get; `gateway.storefront` serves it."""
