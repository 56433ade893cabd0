"""`doorbuster reconciler`: the service between Redis and Postgres."""


def reconciler() -> None:
    """Carry admissions into the ledger, returns into Redis, and recover what was lost.

    Several may run: they share the sales, and take over from one that died.
    """
    import asyncio

    from uvicorn.loops.auto import auto_loop_factory

    from doorbuster import logs
    from doorbuster.reconciler_composition import reconciler_config, reconciler_socket
    from doorbuster.settings import load
    from doorbuster.signals import told_to_stop
    from doorbuster.tracing import traced_commits
    from reconciler.service import run

    settings = load()
    logs.configure(settings)

    async def serve() -> None:
        with (
            reconciler_socket(settings) as listening,
            traced_commits(settings) as on_commit,
            told_to_stop() as stop,
        ):
            await run(reconciler_config(settings, listening, on_commit), stop)

    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(serve())
