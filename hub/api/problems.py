"""Refusals as RFC 9457 problem documents: one table, in English and Japanese.

`title` is fixed per slug. `detail` tells floor staff what happened and what to do; its words may name the
error's fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.errors import HubError

INSTANCE_BASE: Final = "urn:storehub:request:"
TYPE_BASE: Final = "https://storehub.invalid/problems/"
MEDIA_TYPE: Final = "application/problem+json"


class Problem(Struct, frozen=True):
    status: int
    title: str
    en: str
    ja: str
    # Sent as Retry-After when the error brings no other.
    retry_after_s: int | None = None


PROBLEMS: Final[dict[str, Problem]] = {
    "unauthenticated": Problem(
        401,
        "The device is not known",
        "This device is not paired with this store. Pair it again with a code from the console.",
        "この端末は店舗に登録されていません。コンソールのコードでもう一度登録してください。",
    ),
    "forbidden": Problem(
        403,
        "The role may not do this",
        "A device with the role {role} may not do this. Ask a manager.",
        "この端末の権限（{role}）ではこの操作はできません。責任者に確認してください。",
    ),
    "approval-required": Problem(
        403,
        "A manager's leave is needed",
        "This needs a manager ({operation}). Ask for an approval, or let a manager sign in at this device.",
        "この操作（{operation}）には責任者の承認が必要です。承認を依頼するか、責任者がこの端末でサインインしてください。",
    ),
    "sign-in-required": Problem(
        403,
        "Nobody is signed in",
        "Sign in at this device with your staff code first.",
        "先に担当者コードでサインインしてください。",
    ),
    "sign-in-refused": Problem(
        403,
        "The code or the PIN is wrong",
        "There is no such staff code, or the PIN is wrong or missing. Try again, or ask a manager.",
        "担当者コードまたは暗証番号が正しくありません。もう一度入力するか、責任者に確認してください。",
    ),
    "device-revoked": Problem(
        403,
        "The device was locked out",
        "This device was locked out by a manager. Pair it again if that was a mistake.",
        "この端末は利用停止になっています。誤りの場合は登録し直してください。",
    ),
    "pairing-code-invalid": Problem(
        403,
        "The pairing code is not valid",
        "The code is wrong, used or out of date. Get a new one from the console.",
        "コードが正しくないか、使用済み、または期限切れです。コンソールで新しいコードを発行してください。",
    ),
    "not-found": Problem(
        404,
        "There is no such thing",
        "There is no {kind} {id}. It may have been removed: read the list again.",
        "{kind}「{id}」が見つかりません。一覧を読み直してください。",
    ),
    "method-not-allowed": Problem(
        405,
        "The method is not allowed here",
        "This address does not take this method.",
        "このアドレスではこの操作を受け付けていません。",
    ),
    "not-acceptable": Problem(
        406,
        "No such form",
        "A receipt comes as text/plain, application/json, image/png or application/pdf.",
        "レシートは text/plain、application/json、image/png、application/pdf で取得できます。",
    ),
    "check-closed": Problem(
        409,
        "The check takes no more changes",
        "The check is {check_status}. Open a new one, or reopen it if it was only billed.",
        "この伝票は変更できません（{check_status}）。新しい伝票を開くか、会計中なら再開してください。",
    ),
    "table-occupied": Problem(
        409,
        "The table is occupied",
        "Table {table_id} has a check already. Choose another table, or merge the checks.",
        "テーブル「{table_id}」は使用中です。別のテーブルを選ぶか、伝票を結合してください。",
    ),
    "table-shared": Problem(
        409,
        "Several checks share the table",
        "Several parties share table {table_id}. Say which check it is for: `checks` names them.",
        "テーブル「{table_id}」は相席中です。どの伝票か（checks）を指定してください。",
    ),
    "sold-out": Problem(
        409,
        "Sold out",
        "{name} has {remaining} left. Nothing of this order was taken: change it and send it again.",
        "{name}の残数は{remaining}です。この注文は受け付けていません。内容を変更して送り直してください。",
    ),
    "last-order-passed": Problem(
        409,
        "The plan's last order has passed",
        "{product}: the last order of {name} was at {last_order_at}. Extend the plan, or stop it to sell at the price.",
        "{product}：「{name}」のラストオーダー（{last_order_at}）を過ぎています。"
        "延長するか、プランを終了して通常価格で注文してください。",
    ),
    "plan-not-running": Problem(
        409,
        "No plan is running for this",
        "{name} needs a running plan. Ask staff to start the plan first.",
        "「{name}」には開始済みのプランが必要です。スタッフが先にプランを開始してください。",
    ),
    "not-sold-now": Problem(
        409,
        "Not sold at this time",
        "{name} is not sold at this time of day. Nothing of this order was taken.",
        "「{name}」は現在の時間帯では販売していません。この注文は受け付けていません。",
    ),
    "customer-known": Problem(
        409,
        "This member code or card is another customer's",
        "Customer {customer_id} has this member code or card already. Use that customer, or merge the two.",
        "この会員コードまたはカードは登録済みです（{customer_id}）。その会員を使うか、統合してください。",
    ),
    "points-short": Problem(
        409,
        "Not as many points",
        "The customer has {available} points that can be used. Nothing was booked.",
        "利用できるポイントは{available}です。記録はされていません。",
    ),
    "points-limit": Problem(
        409,
        "More points than may be used offline",
        "While the cloud cannot be reached at most {limit} points may be used; {left} are left. Nothing was booked.",
        "クラウドに接続できない間に使えるポイントは{limit}までです（残り{left}）。記録はされていません。",
    ),
    "conflict": Problem(
        409,
        "It cannot be done in this state",
        "{reason}",
        "{reason}",
    ),
    "open-checks": Problem(
        409,
        "Checks are still open",
        "{count} checks of {date} are still open. Settle or abort them, or carry them over (open_checks: carry).",
        "{date}の未会計の伝票が{count}件あります。会計または取引中止をするか、翌営業日に繰り越してください。",
    ),
    "register-refused": Problem(
        409,
        "The register cannot do this now",
        "Register {register_id} is {register_status} on {date}. A float or a sale opens it; a settled one is done.",
        "レジ「{register_id}」は{date}の状態（{register_status}）ではこの操作はできません。"
        "釣銭準備金の登録または会計で開きます。",
    ),
    "coupon-refused": Problem(
        409,
        "The coupon is not accepted",
        "The coupon {name} cannot be used here and now ({why}).",
        "クーポン「{name}」は現在この会計では使えません（{why}）。",
    ),
    "request-in-progress": Problem(
        409,
        "The first request is still running",
        "A request with this key is still running. Ask again in a moment.",
        "同じキーの処理が実行中です。少し待ってからもう一度送ってください。",
        1,
    ),
    "check-changed": Problem(
        412,
        "The check has changed",
        "Another device changed the check. Look at it as it is now and decide again.",
        "別の端末が伝票を変更しました。最新の内容を確認してからやり直してください。",
    ),
    "payload-too-large": Problem(
        413,
        "The request is too large",
        "The request is larger than {limit_bytes} bytes. Send it in parts.",
        "リクエストが大きすぎます（上限{limit_bytes}バイト）。分けて送ってください。",
    ),
    "unsupported-encoding": Problem(
        415,
        "The body is compressed",
        "A request's body is not compressed (it came as {encoding}): send it as it is.",
        "リクエスト本文は圧縮せずに送ってください（{encoding} で届きました）。",
    ),
    "invalid-request": Problem(
        422,
        "The request is not valid",
        "The request is not as it must be; `errors` names each place.",
        "リクエストの内容に誤りがあります。errors を確認してください。",
    ),
    "precondition-required": Problem(
        428,
        "If-Match is required",
        "Send If-Match with the version of the check that you saw.",
        "If-Match ヘッダーで伝票のバージョンを指定してください。",
    ),
    "idempotency-key-required": Problem(
        400,
        "An Idempotency-Key is required",
        "Send Idempotency-Key: 1 to 255 printable ASCII characters, a new one for each thing done.",
        "Idempotency-Key ヘッダー（印字可能な ASCII 1～255 文字）が必要です。",
    ),
    "idempotency-key-reused": Problem(
        422,
        "This key was used for another request",
        "This Idempotency-Key was used for another request. Use a new key for a new thing.",
        "この Idempotency-Key は別のリクエストで使用済みです。新しいキーを使ってください。",
    ),
    "tender-offline": Problem(
        409,
        "This tender needs the network",
        "{method} needs the network, which is down. Take another tender, or a terminal with a line of its own"
        " and its slip number.",
        "回線が切れているため「{method}」は使えません。現金など別の方法か、独立した決済端末の伝票番号で会計してください。",
    ),
    "tender-mismatch": Problem(
        422,
        "The tenders do not add up",
        "The bill comes to {total}, the tenders to {tendered}. Nothing was booked.",
        "合計は{total}ですが、お支払いは{tendered}です。会計は記録されていません。",
    ),
    "card-number-refused": Problem(
        422,
        "A card number must not be stored",
        "{path} holds what looks like a card number. Remove it: card numbers are never stored.",
        "{path} にカード番号らしき数字があります。カード番号は保存できません。削除してください。",
    ),
    "too-many-requests": Problem(
        429,
        "Too many attempts",
        "Too many attempts. Wait {retry_after_s} seconds.",
        "試行回数が多すぎます。{retry_after_s}秒待ってください。",
    ),
    "clock-known": Problem(
        409,
        "The box knows the time",
        "The box knows the time from {source}: it is {time}. If that is wrong, look at the time server it asks.",
        "ボックスの時刻は確認済みです（{source}、{time}）。違う場合は時刻サーバーの設定を確認してください。",
    ),
    "storage-full": Problem(
        507,
        "The disk is full",
        "The box has no space left and accepts nothing new. Call the technician; what was accepted is safe.",
        "ボックスの空き容量がないため受け付けできません。担当者に連絡してください。受付済みの記録は安全です。",
        5,
    ),
    "not-ready": Problem(
        503,
        "The hub cannot accept anything now",
        "The box cannot write to its journal now and tries again by itself. Send it again with the same key.",
        "ボックスが記録を書き込めません。自動で復旧を試みています。同じキーで送り直してください。",
        1,
    ),
    "outcome-unknown": Problem(
        503,
        "It is not known whether this was kept",
        "The disk failed at that moment. Send it again with the same key: it is booked once.",
        "書き込み中に障害が起きました。同じキーで送り直してください（二重に記録されることはありません）。",
        1,
    ),
    "superseded": Problem(
        503,
        "Another box has taken over this store",
        "This box was replaced and accepts nothing more. Find the new one.",
        "この店舗は別のボックスに引き継がれました。新しいボックスに接続してください。",
    ),
    "primary-alive": Problem(
        409,
        "The old box still answers",
        "The box {box} at {url} still answers. Unplug it first: two boxes must never be the same store.",
        "ボックス{box}（{url}）がまだ応答しています。先に電源を抜いてください。同じ店舗を2台で動かしてはいけません。",
    ),
    "drill-refused": Problem(
        409,
        "The drill cannot begin now",
        "The drill cannot begin now ({why}). The console's page says what it needs.",
        "訓練をいま開始できません（{why}）。必要な条件はコンソールの「訓練」に表示されています。",
    ),
    "internal": Problem(
        500,
        "The hub made a mistake",
        "The hub made a mistake and wrote it in its log. Nothing was booked.",
        "内部エラーが発生しました。記録はされていません。",
    ),
}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


class Document(Struct):
    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


def document(error: HubError, accept_language: str = "", request: str = "") -> Document:
    """The problem document of an error, in Japanese when the device prefers it; `instance` is the request's id."""
    problem = PROBLEMS[error.slug]
    japanese = prefers_japanese(accept_language)
    fields: Mapping[str, Any] = error.fields
    content = {
        "type": TYPE_BASE + error.slug,
        "title": problem.title,
        "status": problem.status,
        "detail": (problem.ja if japanese else problem.en).format_map(_Blank(fields)),
        "slug": error.slug,
        **({"instance": INSTANCE_BASE + request} if request else {}),
    }
    # The error's own fields stand beside these and never in their place.
    content = {**fields, **content}
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-language", b"ja" if japanese else b"en"),
    ]
    if request:
        headers.append((b"x-request-id", request.encode("ascii")))
    retry = fields.get("retry_after_s", problem.retry_after_s)
    if retry is not None:
        headers.append((b"retry-after", str(int(retry)).encode()))
    if problem.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return Document(problem.status, msgspec.json.encode(content), headers)


def prefers_japanese(accept_language: str) -> bool:
    """Whether ja stands before en in Accept-Language; the order of q values is what counts, no header means English."""
    best, japanese = -1.0, False
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            weight = float(value) if name == "q" else 1.0
        except ValueError:
            weight = 0.0
        language = tag.strip().lower().split("-")[0]
        if language in ("ja", "en") and weight > best:
            best, japanese = weight, language == "ja"
    return japanese
