"""Numbers that documents carry, with check digits that hold. Pure arithmetic on strings of digits."""

from datetime import date
from decimal import Decimal

FEBRABAN_EPOCH = date(2022, 5, 29)  # due factor 1000 is 2025-02-22, when the four digits began again


def modulo_11(digits: str, weights: list[int]) -> int:
    """CNPJ, CPF and chave de acesso: 11 minus the remainder, where 10 and 11 become 0."""
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def _weights(count: int, highest: int) -> list[int]:
    """2, 3 … highest, 2, 3 … counted from the right."""
    return [2 + index % (highest - 1) for index in range(count)][::-1]


def cnpj(base: str) -> str:
    """`482917350001` → `48.291.735/0001-27`."""
    digits = base
    for _ in range(2):
        digits += str(modulo_11(digits, _weights(len(digits), 9)))
    return f"{digits[:2]}.{digits[2:5]}.{digits[5:8]}/{digits[8:12]}-{digits[12:]}"


def cpf(base: str) -> str:
    """`529982247` → `529.982.247-25`."""
    digits = base
    for _ in range(2):
        digits += str(modulo_11(digits, _weights(len(digits), 12)))
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


def only_digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def access_key(state: str, issued: date, issuer: str, series: int, number: int, code: int, *, model: int = 55) -> str:
    """Chave de acesso, 44 digits: UF, AAMM, CNPJ, model, series, number, emission type 1, random code, check digit."""
    digits = f"{state}{issued:%y%m}{only_digits(issuer)}{model}{series:03}{number:09}1{code:08}"
    return digits + str(modulo_11(digits, _weights(43, 9)))


def _modulo_10(digits: str) -> int:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        product = int(digit) * (2 - index % 2)
        total += product // 10 + product % 10
    return -total % 10


def boleto(bank: str, free: str, due: date, amount: Decimal) -> tuple[str, str]:
    """(linha digitável as printed, the 44 digits of the bar code) of a bank slip; `free` has 25 digits."""
    tail = f"{(due - FEBRABAN_EPOCH).days:04}{int(amount * 100):010}"
    rest = sum(int(digit) * weight for digit, weight in zip(bank + "9" + tail + free, _weights(43, 9), strict=True)) % 11
    general = str(1 if 11 - rest in (0, 10, 11) else 11 - rest)
    first, second, third = bank + "9" + free[:5], free[5:15], free[15:]
    fields = [part + str(_modulo_10(part)) for part in (first, second, third)]
    line = " ".join(f"{part[:5]}.{part[5:]}" for part in fields) + f" {general} {tail}"
    return line, bank + "9" + general + tail + free


def iban(country: str, account: str) -> str:
    """ISO 13616: two letters, two check digits by mod 97, the account; in groups of four."""
    letters = account + country + "00"
    check = 98 - int("".join(str(int(character, 36)) for character in letters)) % 97
    whole = f"{country}{check:02}{account}"
    return " ".join(whole[index : index + 4] for index in range(0, len(whole), 4))


def reais(value: Decimal) -> str:
    """`Decimal("1234.5")` → `1.234,50`."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def grouped(digits: str, size: int = 4) -> str:
    return " ".join(digits[index : index + size] for index in range(0, len(digits), size))
