"""`doorbuster rush`: a crowd that is made up, at a gateway that is not."""
