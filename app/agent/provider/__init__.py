"""The model: any server that speaks the API of OpenAI, and what each of them gets wrong."""

from app.agent.provider.server import Provider, connect

__all__ = ["Provider", "connect"]
