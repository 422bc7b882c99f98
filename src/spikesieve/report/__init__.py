"""What an analysis says to its readers: tables and figures made of the records of the layers below."""
