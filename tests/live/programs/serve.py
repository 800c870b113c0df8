"""A real server with handlers that are quick, wait for news, block, or query a database.

    serve.py aiohttp | asyncio | uvloop | gunicorn | gunicorn-asgi [MODULE [DATABASE'S PORT]]

Prints one line of JSON with its port (or the reason why it cannot run here, where MODULE cannot),
then serves. The kinds "asyncio" and "uvloop" are uvicorn on that loop, "gunicorn" has workers of
uvicorn, "gunicorn-asgi" its own; FastAPI is above them where it can be imported, else Starlette,
else nothing.
"""

import asyncio
import ctypes
import importlib
import inspect
import json
import os
import signal
import socket
import sys
import time
import warnings

BLOCKED_SECONDS = 600
POOL_SIZE = 5
WORKERS = 2
KEEP_ALIVE_SECONDS = 120
PR_SET_PDEATHSIG = 1
# Debian's packages are for its python3; many of them run on others too.
PACKAGES = "/usr/lib/python3/dist-packages"


if PACKAGES not in sys.path:
    sys.path.append(PACKAGES)


class Skip(Exception):
    pass


class Shared:
    """What the handlers share; made when the loop runs."""

    news = None
    pool = None


def news():
    if Shared.news is None:
        Shared.news = asyncio.Event()
    return Shared.news


async def quick():
    await asyncio.sleep(0.002)
    return "ok"


async def poll():
    """A long poll: it waits until something happened."""
    await news().wait()
    return "news"


async def tell():
    news().set()
    Shared.news = None
    return "told"


def backoff():
    time.sleep(BLOCKED_SECONDS)  # this blocks


async def block():
    """The mistake of mistakes."""
    backoff()
    return "late"


def crunch():
    """No coroutine: FastAPI and Starlette run it in a thread."""
    backoff()
    return "crunched"


async def pool_of(make):
    """The one pool of this process."""
    if Shared.pool is None:
        Shared.pool = asyncio.ensure_future(make("127.0.0.1", int(sys.argv[3])))
    return await Shared.pool


async def postgresql_pool(host, port):
    import asyncpg
    return await asyncpg.create_pool(host=host, port=port, user="asyncspy", database="postgres",
                                     min_size=POOL_SIZE, max_size=POOL_SIZE)


async def redis_pool(host, port):
    import redis.asyncio
    return redis.asyncio.Redis(connection_pool=redis.asyncio.BlockingConnectionPool(
        host=host, port=port, max_connections=POOL_SIZE, timeout=None))


async def query_postgresql():
    pool = await pool_of(postgresql_pool)
    async with pool.acquire() as connection:
        return await connection.fetchval("SELECT pg_sleep(3600)")


async def query_redis():
    pool = await pool_of(redis_pool)
    return str(await pool.blpop(["jobs"], timeout=0))


HANDLERS = (quick, poll, tell, block, crunch, query_postgresql, query_redis)


def aiohttp_server(sock):
    from aiohttp import web

    def route(handler):
        async def answer(_):
            return web.Response(text=await handler())
        return web.get("/" + handler.__name__, answer)

    def serve():
        app = web.Application()
        app.add_routes([route(h) for h in HANDLERS if inspect.iscoroutinefunction(h)])
        web.run_app(app, sock=sock, print=None, access_log=None,
                    keepalive_timeout=KEEP_ALIVE_SECONDS)
    return serve


def fastapi_application():
    from fastapi import FastAPI
    app = FastAPI()
    for handler in HANDLERS:
        app.get("/" + handler.__name__)(handler)
    return app


def starlette_application():
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def route(handler):
        async def answer(_):
            if handler is crunch:
                return PlainTextResponse(await run_in_threadpool(handler))
            return PlainTextResponse(await handler())
        return Route("/" + handler.__name__, answer)
    return Starlette(routes=[route(handler) for handler in HANDLERS])


async def bare_application(scope, receive, send):
    """What an ASGI server calls, without a framework."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    handler = next(h for h in HANDLERS if scope["path"] == "/" + h.__name__)
    body = (await handler()).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def asgi_application():
    for make in (fastapi_application, starlette_application):
        try:
            return make()
        except (ImportError, TypeError):
            continue
    return bare_application


def uvicorn_server(sock, loop):
    import uvicorn
    if loop == "uvloop":
        importlib.import_module("uvloop")
    config = uvicorn.Config(asgi_application(), loop=loop, log_level="warning", access_log=False,
                            timeout_keep_alive=KEEP_ALIVE_SECONDS)
    return lambda: uvicorn.Server(config).run(sockets=[sock])


def gunicorn_server(sock, module, worker):
    from gunicorn.app.base import BaseApplication
    importlib.import_module(module)

    class Application(BaseApplication):
        def load_config(self):
            for key, value in (("bind", "fd://%d" % sock.fileno()), ("workers", WORKERS),
                               ("worker_class", module + "." + worker), ("loglevel", "warning"),
                               ("keepalive", KEEP_ALIVE_SECONDS), ("timeout", 600)):
                self.cfg.set(key, value)

        def load(self):
            # A worker of its own accord outlives the master.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            return asgi_application()
    return Application().run


def server(kind, sock):
    try:
        if len(sys.argv) > 2:
            importlib.import_module(sys.argv[2])
        if kind == "aiohttp":
            return aiohttp_server(sock)
        if kind == "gunicorn":
            return gunicorn_server(sock, "uvicorn.workers", "UvicornWorker")
        if kind == "gunicorn-asgi":
            return gunicorn_server(sock, "gunicorn.workers.gasgi", "ASGIWorker")
        return uvicorn_server(sock, kind)
    except (ImportError, SyntaxError, TypeError, AttributeError) as error:
        # The packages are Debian's, for a Python that may be another than this one.
        raise Skip("%s cannot be imported: %s" % (" or ".join([kind] + sys.argv[2:3]), error))


def main():
    # Debug builds tell what is deprecated, and what the servers forget to close.
    warnings.simplefilter("ignore")
    sock = socket.create_server(("127.0.0.1", 0)) if hasattr(socket, "create_server") else None
    if sock is None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
    try:
        serve = server(sys.argv[1], sock)
    except Skip as reason:
        print(json.dumps({"skip": str(reason)}), flush=True)
        return
    print(json.dumps({"pid": os.getpid(), "port": sock.getsockname()[1]}), flush=True)
    serve()


if __name__ == "__main__":
    main()
