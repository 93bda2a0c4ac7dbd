pytest_plugins = [
    "tests.support.hypothesis_profiles",
    "tests.support.available",
    "tests.support.postgres",
    "tests.support.kafka",
    "tests.support.processes",
    "tests.support.browser",
]
