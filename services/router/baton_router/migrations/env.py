from baton.service.migrations import run_env

run_env()
