"""A Saturday evening in a Japanese izakaya, made from a seed: the demo's own orders where no file is given.

Parties of one to ten begin with drinks and the table charge (お通し), go on in rounds, and many end with rice or
noodles (〆). Some guests take something home, at 8 %.
"""

from __future__ import annotations

import random
from typing import Any, Final

from hub.demo.tickets import CARD, CASH, Evening, Ticket, Wish

# id, name, reading, category, price with tax, tax class, how often it is chosen
ITEMS: Final = (
    ("d-beer", "生ビール", "ナマビール", "drinks", 580, "standard", 30),
    ("d-bottle", "瓶ビール", "ビンビール", "drinks", 680, "standard", 6),
    ("d-highball", "ハイボール", "ハイボール", "drinks", 480, "standard", 18),
    ("d-lemon", "レモンサワー", "レモンサワー", "drinks", 450, "standard", 16),
    ("d-grapefruit", "グレープフルーツサワー", "グレープフルーツサワー", "drinks", 480, "standard", 8),
    ("d-oolong-hai", "ウーロンハイ", "ウーロンハイ", "drinks", 430, "standard", 9),
    ("d-umeshu", "梅酒", "ウメシュ", "drinks", 500, "standard", 6),
    ("d-sake", "日本酒 一合", "ニホンシュ", "drinks", 720, "standard", 8),
    ("d-jizake", "本日の地酒", "ホンジツノジザケ", "drinks", 980, "standard", 4),
    ("d-shochu", "芋焼酎", "イモショウチュウ", "drinks", 520, "standard", 5),
    ("d-wine", "グラスワイン", "グラスワイン", "drinks", 550, "standard", 4),
    ("d-oolong", "ウーロン茶", "ウーロンチャ", "drinks", 330, "standard", 9),
    ("d-cola", "コーラ", "コーラ", "drinks", 330, "standard", 5),
    ("d-ginger", "ジンジャーエール", "ジンジャーエール", "drinks", 330, "standard", 4),
    ("q-edamame", "枝豆", "エダマメ", "quick", 380, "food", 18),
    ("q-cabbage", "塩だれキャベツ", "シオダレキャベツ", "quick", 380, "food", 9),
    ("q-tofu", "冷奴", "ヒヤヤッコ", "quick", 350, "food", 8),
    ("q-tsukemono", "漬物盛り合わせ", "ツケモノモリアワセ", "quick", 450, "food", 6),
    ("q-potato-salad", "ポテトサラダ", "ポテトサラダ", "quick", 480, "food", 11),
    ("q-takowasa", "たこわさ", "タコワサ", "quick", 420, "food", 7),
    ("g-momo", "焼鳥 もも", "ヤキトリモモ", "grill", 220, "food", 16),
    ("g-negima", "焼鳥 ねぎま", "ヤキトリネギマ", "grill", 230, "food", 15),
    ("g-kawa", "焼鳥 かわ", "ヤキトリカワ", "grill", 200, "food", 9),
    ("g-tsukune", "つくね", "ツクネ", "grill", 280, "food", 12),
    ("g-reba", "レバー", "レバー", "grill", 210, "food", 5),
    ("g-hokke", "ほっけの開き", "ホッケノヒラキ", "grill", 880, "food", 6),
    ("g-shishamo", "ししゃも", "シシャモ", "grill", 520, "food", 4),
    ("f-karaage", "鶏の唐揚げ", "トリノカラアゲ", "fried", 680, "food", 20),
    ("f-fries", "フライドポテト", "フライドポテト", "fried", 480, "food", 11),
    ("f-agedashi", "揚げ出し豆腐", "アゲダシドウフ", "fried", 520, "food", 7),
    ("f-tempura", "天ぷら盛り合わせ", "テンプラモリアワセ", "fried", 1180, "food", 5),
    ("s-moriawase", "刺身盛り合わせ", "サシミモリアワセ", "sashimi", 1680, "food", 8),
    ("s-maguro", "まぐろ刺身", "マグロサシミ", "sashimi", 980, "food", 5),
    ("s-salmon", "サーモン刺身", "サーモンサシミ", "sashimi", 780, "food", 6),
    ("h-motsunabe", "もつ鍋", "モツナベ", "hot", 1480, "food", 4),
    ("h-dashimaki", "だし巻き玉子", "ダシマキタマゴ", "hot", 580, "food", 12),
    ("r-onigiri", "焼きおにぎり", "ヤキオニギリ", "rice", 250, "food", 9),
    ("r-ochazuke", "鮭茶漬け", "サケチャヅケ", "rice", 580, "food", 8),
    ("r-yakisoba", "焼きそば", "ヤキソバ", "rice", 780, "food", 7),
    ("r-ramen", "〆のラーメン", "シメノラーメン", "rice", 680, "food", 6),
    ("w-vanilla", "バニラアイス", "バニラアイス", "sweets", 350, "food", 8),
    ("w-warabi", "わらび餅", "ワラビモチ", "sweets", 420, "food", 6),
)  # fmt: skip
TABLE_CHARGE: Final = ("x-otoshi", "お通し", "オトオシ", "quick", 350, "standard", 0)
BENTO: Final = ("t-bento", "焼鳥弁当（持帰り）", "ヤキトリベントウ", "takeout", 950, "reduced", 0)
CATEGORIES: Final = {
    "drinks": "飲み物", "quick": "すぐ出る一品", "grill": "焼き物", "fried": "揚げ物", "sashimi": "刺身",
    "hot": "温かい料理", "rice": "ご飯・麺", "sweets": "甘味", "takeout": "持帰り",
}  # fmt: skip
# Drinks have a size, skewers a seasoning.
SIZES: Final = {
    "id": "g-size",
    "name": "サイズ",
    "min": 0,
    "max": 1,
    "options": [{"id": "large", "name": "大", "price": 200}],
}
SEASONING: Final = {
    "id": "g-seasoning", "name": "味付け", "min": 0, "max": 1,
    "options": [{"id": "salt", "name": "塩", "price": 0}, {"id": "sauce", "name": "たれ", "price": 0}],
}  # fmt: skip
WITH_SIZE: Final = ("d-beer", "d-highball", "d-lemon")
WITH_SEASONING: Final = ("g-momo", "g-negima", "g-kawa", "g-tsukune", "g-reba")


def evening(seed: int, parties: int) -> Evening:
    """The same seed, the same evening."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    tickets = [_party(chance, number) for number in range(1, parties + 1)]
    return Evening(f"a seeded izakaya evening (seed {seed})", "JPY", menu(), tickets)


def menu() -> dict[str, Any]:
    products = [
        {
            "id": item[0],
            "name": item[1],
            "kana": item[2],
            "category_id": f"c-{item[3]}",
            "price": item[4],
            "tax_class": item[5],
            "option_group_ids": _groups(item[0]),
        }
        for item in (TABLE_CHARGE, *ITEMS, BENTO)
    ]
    return {
        "currency": "JPY",
        "categories": [{"id": f"c-{key}", "name": name} for key, name in CATEGORIES.items()],
        "products": products,
        "option_groups": [SIZES, SEASONING],
        "tax_rates": [
            {"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"},
            {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01T00:00:00+09:00"},
        ],
        "tender_methods": [
            {**CASH, "name": "現金"},
            {**CARD, "name": "カード（専用端末）"},
            {"id": "qr", "name": "QRコード決済", "kind": "qr", "needs_network": True},
        ],
    }


def _groups(product_id: str) -> list[str]:
    if product_id in WITH_SIZE:
        return [str(SIZES["id"])]
    return [str(SEASONING["id"])] if product_id in WITH_SEASONING else []


def _party(chance: random.Random, number: int) -> Ticket:
    guests = chance.choices(range(1, 11), weights=(4, 26, 16, 22, 9, 8, 4, 5, 2, 4))[0]
    if chance.random() < 0.06:
        bentos = _wish(chance, BENTO, chance.randint(1, 4))
        return Ticket(f"{number:04}", ((bentos,),), guests=0, takeout=True)
    # A table of four orders four or five times in two hours; alone one is quicker.
    rounds = [_first_round(chance, guests)]
    rounds += [_round(chance, guests) for _ in range(chance.randint(1, 2 + guests // 3))]
    if chance.random() < 0.6:
        rounds.append(_some(chance, ("rice", "sweets"), max(1, guests // 2)))
    return Ticket(f"{number:04}", tuple(rounds), guests=guests)


def _first_round(chance: random.Random, guests: int) -> tuple[Wish, ...]:
    drinks = _some(chance, ("drinks",), guests)
    return (_wish(chance, TABLE_CHARGE, guests), *drinks, *_some(chance, ("quick",), 1 + guests // 3))


def _round(chance: random.Random, guests: int) -> tuple[Wish, ...]:
    dishes = _some(chance, ("grill", "fried", "sashimi", "hot", "quick"), 1 + guests // 2)
    return (*dishes, *_some(chance, ("drinks",), chance.randint(0, guests)))


def _some(chance: random.Random, categories: tuple[str, ...], count: int) -> tuple[Wish, ...]:
    """So many portions out of these categories, those of one product as one line."""
    choice = [item for item in ITEMS if item[3] in categories]
    picked = chance.choices(choice, weights=[item[6] for item in choice], k=count)
    return tuple(_wish(chance, item, picked.count(item)) for item in dict.fromkeys(picked))


def _wish(chance: random.Random, item: tuple[str, str, str, str, int, str, int], quantity: int) -> Wish:
    product_id, price = item[0], item[4]
    if product_id in WITH_SIZE and chance.random() < 0.2:
        return Wish(product_id, quantity, price + 200, ("large",))
    if product_id in WITH_SEASONING:
        return Wish(product_id, quantity, price, (chance.choice(("salt", "sauce")),))
    return Wish(product_id, quantity, price)
