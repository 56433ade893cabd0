"""What an operator defines: one model for a file, for a body and for the command line."""
