"""The invented firms and people of the samples. Domains end in `.example`, which nobody can own."""

from dataclasses import dataclass

from samples.recipes.numbers import cnpj


@dataclass(frozen=True)
class Firm:
    name: str
    cnpj: str
    street: str
    quarter: str
    city: str
    state: str
    cep: str
    phone: str
    email: str
    registration: str = "ISENTO"


STATIONER = Firm(
    "PAPELARIA IPÊ AMARELO LTDA", cnpj("482917350001"), "Rua das Acácias Inventadas, 120", "Jardim Fictício", "São Paulo", "SP",
    "01999-020", "(11) 5550-0142", "contato@ipeamarelo.example", "110.042.490.114",
)  # fmt: skip
CLINIC = Firm(
    "CLÍNICA SANTA AURORA S/S", cnpj("305518820001"), "Avenida dos Exemplos, 2400, sala 71", "Vila Modelo", "Campinas", "SP",
    "13999-100", "(19) 5550-0198", "compras@santaaurora.example",
)  # fmt: skip
BUILDER = Firm(
    "CONSTRUTORA PEDRA BRANCA S.A.", cnpj("617402980001"), "Avenida Imaginária, 980, 12º andar", "Centro", "Curitiba", "PR",
    "80999-010", "(41) 5550-0110", "juridico@pedrabranca.example",
)  # fmt: skip
ENGINEERS = Firm(
    "HORIZONTE ENGENHARIA E SERVIÇOS LTDA", cnpj("274936510001"), "Rua do Faz de Conta, 55", "Água Verde", "Curitiba", "PR",
    "80999-240", "(41) 5550-0177", "contratos@horizonte.example",
)  # fmt: skip
GROCER = Firm(
    "MERCADO BOM EXEMPLO LTDA", cnpj("138250470003"), "Rua da Amostra, 17", "Centro", "Belo Horizonte", "MG",
    "30999-005", "(31) 5550-0123", "caixa@bomexemplo.example", "062.307.904.0081",
)  # fmt: skip
