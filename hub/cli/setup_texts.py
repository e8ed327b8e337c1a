"""What `storehub setup` says, in English and Japanese."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "en": {
        "store_name": "Store name, as devices show it",
        "store_name.wrong": "the store name has 1 to 60 characters",
        "store_id": "Store id at the cloud",
        "store_id.wrong": 'the store id has 1 to 64 of the letters A to Z, digits, ".", "-" and "_"',
        "timezone": "Time zone",
        "timezone.wrong": "there is no such time zone; for example Asia/Tokyo",
        "day_change_time": "The business day turns at",
        "day_change_time.wrong": "a time such as 05:00",
        "cloud_url": "Address of the cloud (empty: none)",
        "cloud_url.wrong": "the cloud's address begins with https:// and needs a token with it",
        "cloud_token": "Token of this box there (not shown)",
        "cloud_token.kept": "Token of this box there (Enter keeps the present one)",
        "cloud_token.wrong": "the token as it was given out, without spaces; it belongs to an address",
        "done": "This box is {name} ({id}).",
        "pair": "Now pair the manager's device. The code holds for an hour:",
    },
    "ja": {
        "store_name": "店舗名（端末に表示されます）",
        "store_name.wrong": "店舗名は 1〜60 文字です",
        "store_id": "クラウドでの店舗 ID",
        "store_id.wrong": "店舗 ID は英数字と「.」「-」「_」で 1〜64 文字です",
        "timezone": "タイムゾーン",
        "timezone.wrong": "そのタイムゾーンはありません（例: Asia/Tokyo）",
        "day_change_time": "営業日の切替時刻",
        "day_change_time.wrong": "05:00 のように入力してください",
        "cloud_url": "クラウドの URL（空欄: 使わない）",
        "cloud_url.wrong": "クラウドの URL は https:// で始まり、トークンが必要です",
        "cloud_token": "このボックスのトークン（表示されません）",
        "cloud_token.kept": "このボックスのトークン（Enter で現在のまま）",
        "cloud_token.wrong": "トークンは発行されたとおり、空白なしで、URL と一緒に入力してください",
        "done": "このボックスは {name}（{id}）になりました。",
        "pair": "続けて店長の端末を登録します。コードは 1 時間有効です:",
    },
}
