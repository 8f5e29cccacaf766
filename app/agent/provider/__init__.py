"""The model: any server that speaks the API of OpenAI, and what each of them gets wrong."""
