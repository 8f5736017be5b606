"""What needs Airflow: nothing outside this package and the DAG files imports it."""
