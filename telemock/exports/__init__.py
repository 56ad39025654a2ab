"""These are the files that exchanges go out in: JSON lines, CSV, spreadsheet, HAR and Parquet, written as they come.

They refuse to choose exchanges, to read a database, and to hold more than a few of them.
"""
