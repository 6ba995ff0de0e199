"""Questions in other languages and scripts find what they mean among texts of the same kind."""

from __future__ import annotations

import pytest

from federation.ranking.merging import Candidates
from federation.ranking.ranking import rank
from federation.ranking.vocabulary import vocabulary
from federation.ranking.words import find_terms, fold
from tests.scripted import hit

GERMAN = [
    "Die Kündigungsfrist für den Wartungsvertrag der Turbinen beträgt neunzig Tage zum Monatsende.",
    "Der Ausflug der Abteilung findet am ersten Freitag im Mai statt, die Anmeldung ist bis April möglich.",
    "Die Rechnungen der Spedition werden innerhalb von dreißig Tagen nach Eingang bezahlt.",
    "Das Lager in Hamburg ist an Feiertagen und an den Wochenenden geschlossen.",
]
FRENCH = [
    "Le délai de préavis du contrat d'entretien des turbines est de quatre-vingt-dix jours.",
    "La sortie du service aura lieu le premier vendredi de mai, les inscriptions sont ouvertes.",
    "Les factures du transporteur sont réglées dans les trente jours qui suivent leur réception.",
    "L'entrepôt de Marseille est fermé pendant les jours fériés et les fins de semaine.",
]
SPANISH = [
    "El plazo de preaviso del contrato de mantenimiento de las turbinas es de noventa días.",
    "La excursión del departamento será el primer viernes de mayo y la inscripción está abierta.",
    "Las facturas del transportista se pagan dentro de los treinta días siguientes a su recepción.",
    "El almacén de Valencia permanece cerrado los días festivos y los fines de semana.",
]
POLISH = [
    "Okres wypowiedzenia umowy na konserwację turbin wynosi dziewięćdziesiąt dni.",
    "Wycieczka działu odbędzie się w pierwszy piątek maja, zapisy trwają do kwietnia.",
    "Faktury przewoźnika są opłacane w ciągu trzydziestu dni od otrzymania.",
    "Magazyn w Gdańsku jest zamknięty w święta i w weekendy.",
]
RUSSIAN = [
    "Срок расторжения договора на обслуживание турбин составляет девяносто дней.",
    "Поездка отдела состоится в первую пятницу мая, запись открыта до апреля.",
    "Счета перевозчика оплачиваются в течение тридцати дней после получения.",
    "Склад в Петербурге закрыт по праздникам и выходным.",
]
CHINESE = [
    "涡轮机维护合同的解约通知期为九十天。",
    "部门郊游定于五月的第一个星期五举行,请在四月前报名。",
    "承运人的发票在收到后三十天内付款。",
    "汉堡的仓库在节假日和周末关闭。",
]
JAPANESE = [
    "タービン保守契約の解約予告期間は九十日です。",
    "部署の遠足は五月の第一金曜日に行われ、申し込みは四月までです。",
    "運送会社の請求書は受領後三十日以内に支払われます。",
    "倉庫は祝日と週末は閉まっています。",
]
KOREAN = [
    "터빈 유지보수 계약의 해지 통지 기간은 구십 일입니다.",
    "부서 야유회는 오월 첫째 금요일에 열리며 신청은 사월까지입니다.",
    "운송업체의 송장은 수령 후 삼십 일 이내에 지급됩니다.",
    "창고는 공휴일과 주말에 문을 닫습니다.",
]
HINDI = [
    "टरबाइन रखरखाव अनुबंध की समाप्ति सूचना अवधि नब्बे दिन है।",
    "विभाग की सैर मई के पहले शुक्रवार को होगी और पंजीकरण खुला है।",
    "परिवहन कंपनी के बिलों का भुगतान तीस दिनों के भीतर किया जाता है।",
    "गोदाम छुट्टियों और सप्ताहांत में बंद रहता है।",
]
ARABIC = [
    "مدة الإشعار لإنهاء عقد صيانة التوربينات تسعون يوما.",
    "رحلة القسم ستكون في أول جمعة من شهر مايو والتسجيل مفتوح.",
    "تدفع فواتير شركة النقل خلال ثلاثين يوما من استلامها.",
    "المستودع مغلق في أيام العطل ونهاية الأسبوع.",
]
THAI = [
    "ระยะเวลาแจ้งยกเลิกสัญญาบำรุงรักษากังหันคือเก้าสิบวัน",
    "การไปเที่ยวของแผนกจะจัดขึ้นในวันศุกร์แรกของเดือนพฤษภาคม",
    "ใบแจ้งหนี้ของบริษัทขนส่งชำระภายในสามสิบวันหลังได้รับ",
    "คลังสินค้าปิดในวันหยุดนักขัตฤกษ์และวันหยุดสุดสัปดาห์",
]


@pytest.mark.parametrize(
    ("texts", "question", "expected"),
    [
        (GERMAN, "Wie lang ist die Kündigungsfrist des Vertrags zur Wartung der Turbine?", 0),
        (GERMAN, "wann werden die Rechnungen der Speditionen bezahlt", 2),
        (FRENCH, "quel est le préavis pour les contrats d'entretien de la turbine", 0),
        (FRENCH, "quand est-ce que les entrepôts sont fermés", 3),
        (SPANISH, "¿cuál es el preaviso de los contratos de mantenimiento?", 0),
        (SPANISH, "cuando se pagan la factura del transportista", 2),
        (POLISH, "jaki jest okres wypowiedzenia umowy na turbiny", 0),
        (RUSSIAN, "какой срок расторжения договоров на турбины", 0),
        (RUSSIAN, "когда оплачивается счёт перевозчика", 2),
        (CHINESE, "合同的通知期是多少天", 0),
        (CHINESE, "仓库什么时候关闭", 3),
        (JAPANESE, "契約の解約予告はどのくらいですか", 0),
        (KOREAN, "계약 해지 통지는 얼마나 걸리나요", 0),
        (KOREAN, "창고가 주말에 닫나요", 3),
        (HINDI, "अनुबंध की सूचना अवधि कितने दिन है", 0),
        (ARABIC, "ما هي مدة إنهاء العقد صيانة", 0),
        (THAI, "สัญญาบำรุงรักษาแจ้งยกเลิกกี่วัน", 0),
    ],
)
def test_a_question_finds_its_text_wherever_its_source_put_it(texts: list[str], question: str, expected: int):
    worst_first = [hit(str(number), "x", text=text) for number, text in enumerate(texts) if number != expected]
    last = hit(str(expected), "x", text=texts[expected])
    assert rank(question, [Candidates("a-1", [*worst_first, last])], 1)[0].best.hit.id == str(expected)


def test_accents_case_and_width_do_not_keep_apart_what_is_the_same():
    assert fold("RÉUNION") == fold("reunion")
    assert fold("Straße") == fold("STRASSE")
    assert fold("\uff21\uff22\uff23") == "abc"
    found = [hit("no", text="eine ganz andere Sache"), hit("yes", text="die kundigung")]
    assert rank("Kündigung", [Candidates("a-1", found)], 1)[0].best.hit.id == "yes"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("how long is the notice of the contract", "english"),
        ("wie lange ist die Kündigungsfrist", "german"),
        ("quelle est la durée du préavis", "french"),
        ("cuál es la duración del contrato", "spanish"),
        ("какой срок договора", "russian"),
        ("INV-2041", "english"),
        ("budget", "english"),
        ("", "english"),
    ],
)
def test_the_language_of_a_question_is_recognised_where_it_can_be(question: str, language: str):
    assert vocabulary().language_of(question.lower().split()) == language


@pytest.mark.parametrize(
    ("question", "telling"),
    [
        ("what is the notice of the contract", {"notice", "contract"}),
        ("was ist die Kündigungsfrist", {"kündigungsfrist"}),
        ("quelle est la durée du contrat", {"quelle", "durée", "contrat"}),
    ],
)
def test_words_that_say_nothing_in_their_language_are_not_looked_for(question: str, telling: set[str]):
    assert {term.word for term in find_terms(question, vocabulary())} == telling


def test_a_question_is_never_more_than_so_many_terms():
    terms = find_terms(" ".join(f"word{number}" for number in range(200)), vocabulary())
    assert len(terms) == 48
