"""SQL over the lake: each question is a file in `sql/`, answered by DuckDB over Arrow tables, in memory."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.settings import Settings

_LIMITS = {"memory_limit": "2GB", "threads": 2, "max_temp_directory_size": "4GB"}
"""DuckDB takes four fifths of the memory and any disk unless it is told otherwise."""


def run(settings: Settings, name: str, tables: dict[str, pa.Table], **parameters: object) -> pa.Table:
    """The answer to `<sql_dir>/<name>.sql`.

    The statement sees exactly `tables`, by name, and `parameters` as $name; its rows are ordered by the statement.
    Raises NightjarError for a question that has no file, and for one that does not fit its tables or parameters.
    """
    path = Path(settings.sql_dir) / f"{name}.sql"
    if not re.fullmatch(r"[a-z_]+", name) or not path.is_file():
        raise NightjarError(f"there is no question {name!r} in {settings.sql_dir}", "Set NIGHTJAR_SQL_DIR to sql/")
    import duckdb  # 100 ms, which no other command should pay

    with duckdb.connect(":memory:", config=_LIMITS | {"python_enable_replacements": False}) as database:
        for table, rows in tables.items():
            database.register(table, rows)
        try:
            return database.execute(path.read_text(), parameters).to_arrow_table()
        except duckdb.Error as error:
            raise NightjarError(f"{path.name} failed: {error}", "Check its header for inputs and parameters") from error
