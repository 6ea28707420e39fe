"""What slash commands, keys and the palette do, a file a group. Each action is `async def act(chat, words)`."""
