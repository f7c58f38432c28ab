"""Creates the same messages as ../payloads.mjs."""


def phrase_text(count):
    return "Grüße, 世界 🌍; " * count


def pattern_bytes(size):
    return bytes((index * 31 + (index >> 8)) & 0xFF for index in range(size))


def trade_text(sequence):
    return (
        f'{{"sequence":{sequence},"channel":"trades","symbol":"BTC-USD","price":"{64_000 + sequence % 97}.25",'
        f'"quantity":"0.0125","side":"buy","venue":"interop","conditions":["regular","odd-lot"],'
        f'"maker":"a7c1e0b2","taker":"90f3d4b8"}}'
    )


def fragments(query):
    """Returns whether the requested message is text, and its parts. A cut may be inside a character."""
    is_text = query["kind"] == "text"
    count, parts = int(query["count"]), int(query["parts"])
    whole = phrase_text(count).encode() if is_text else pattern_bytes(count)
    cuts = [len(whole) * part // parts for part in range(parts + 1)]
    return is_text, [whole[start:end] for start, end in zip(cuts, cuts[1:])]
