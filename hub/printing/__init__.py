"""Paper: for now the receipt as a picture or a PDF. The print spooler joins here."""
