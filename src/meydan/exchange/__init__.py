"""Other systems' comments coming in, and ours going out: formats, and one neutral record between them (`record.py`)."""
