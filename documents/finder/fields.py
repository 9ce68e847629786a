"""The fields that the finder knows: the keys that name them and the labels that stand beside them on paper.

Keys are sets of canonical words (see `vocabulary.SYNONYMS`), labels go from the surest to the vaguest; all are folded.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that documents print.

    `kind` says how the value looks; `keys` are sets of canonical words that name it; `labels` are the words printed beside
    or above it, best first; `last` prefers the last of equal hits (totals stand at the end).
    """

    name: str
    kind: str
    keys: tuple[str, ...]
    labels: tuple[str, ...] = ()
    last: bool = False


def _field(name: str, kind: str, keys: str, labels: str, last: bool = False) -> Field:
    return Field(name, kind, tuple(keys.split("|")), tuple(labels.split("|")), last)


FIELDS: tuple[Field, ...] = (
    _field("access_key", "access_key", "chave|chave acesso", "chave acesso|access key|chave nfs e|chave nf e|controle fisco"),
    _field("payment_line", "payment_line", "linha digitavel|codigo barras|boleto linha", "linha digitavel|codigo barras"),
    _field("cpf_cnpj", "cpf_cnpj", "cpf cnpj|cnpj cpf nif|documento identificacao", "cnpj cpf|cpf cnpj"),
    _field("cnpj", "cnpj", "cnpj", "cnpj"),
    _field("cpf", "cpf", "cpf", "cpf"),
    _field("email", "email", "email", "e mail|email|correio eletronico"),
    _field("phone", "phone", "telefone", "telefone|fone fax|fone|telephone|phone|celular|mobile|whatsapp|tel|contato"),
    _field("fax", "phone", "fax", "fax|fone fax"),
    _field("cep", "cep", "cep|cep code", "cep|codigo postal|zip code|postal code|zip|postcode"),
    _field("iban", "iban", "iban|conta iban", "iban"),
    _field("website", "url", "website|url|pagina web", "website|site|web|internet|url"),
    _field(
        "issue_date",
        "date",
        "data emissao|emissao|data|data nota|data documento|data hora emissao|data compra|data evento|data criacao",
        "data hora emissao nfs e|data hora emissao|data emissao|dt emissao|invoice date|issue date|date issue|date issued|"
        "issued|data documento|receipt date|bill date|emissao|emitido em|emitida em|criado em|data hora|data compra|data|"
        "date|order date|rechnungsdatum|factuurdatum|factuur datum|date facture|data wystawienia|fecha|datum|dated|datahora|"
        "billed on|invoice on",
    ),
    _field(
        "due_date",
        "date",
        "vencimento|data vencimento|data limite pagamento|prazo pagamento|due|data due|due pagamento|data pagamento",
        "data vencimento|due date|payment due|vencimento|date due|due by|due on|pay by|pagar ate|vencto|venc|vervaldatum|"
        "faellig am|date echeance|date limite paiement|due|vence em",
    ),
    _field(
        "movement_date",
        "date",
        "data saida|data entrada|data entrada saida",
        "data entrada saida|data saida entrada|data saida|data entrada",
    ),
    _field(
        "accrual_date", "date", "competencia|data competencia", "competencia nfs e|data competencia|competencia|mes competencia"
    ),
    _field("birth_date", "date", "data nascimento|nascimento", "data nascimento|date birth|nascimento|birth date|dob"),
    _field("order_date", "date", "data pedido|pedido data", "data pedido|order date|date order|data compra"),
    _field(
        "total",
        "amount",
        "valor total|total|valor|valor nota|total nota|valor total nota|valor pagar|total pagar|valor total pagar|"
        "valor documento|valor cobrado|total geral|preco total|valor total servico|valor servico|valor total prestacao|"
        "valor prestacao|valor bruto|valor due|total due|valor total due",
        "valor total nota fiscal|valor total nota|valor total nfs e|valor total servico|valor total prestacao|"
        "valor operacao servico|valor liquido pagar|total geral|grand total|net total rounded|total rounded|"
        "total amt rounded|total amount rounded|rounded total|total after rounding|total after adj incl gst|net total|"
        "nett total|valor cobrado|valor documento|valor total documento|valor total pagar|total pagar|valor pagar|"
        "total amount due|total amount payable|amount payable|total payable|total due|amount due|balance due|amount to pay|"
        "total for this invoice|invoice total|total invoice amount|total invoice|total amount|total ttc|total facture|"
        "somme payer|montant total|gesamtbetrag|rechnungsbetrag|factuur totaal|totaal incl btw|totaal|naleznosc ogolem|"
        "do zaplaty|valor total compra|valor total|valor nota fiscal|valor nfs e|valor servicos|valor servico|total compra|"
        "net amt|net amount payable|total amt|total value|total price|total|tl|total sales inclusive gst|"
        "total sales incl gst|total inclusive gst|total inclusive tax|total inclusive|total incl gst|total incl tax|"
        "total including gst|total with gst|total rm including gst|total rm incl gst|total sales|amt paid incl gst|"
        "amount paid|montante|amount|valor",
        last=True,
    ),
    _field("subtotal", "amount", "subtotal|sub total", "subtotal|sub total|sub-total", last=True),
    _field(
        "net_total",
        "amount",
        "liquido|valor liquido|total liquido|valor liquido nota|valor untaxed|valor excl imposto",
        "valor liquido nfs e|valor liquido nota|valor liquido|total liquido|net amount|net total|amount excl tax|"
        "total excl tax|total excl gst|total ht|untaxed amount|exclusief btw|excl btw|amount excl|"
        "taxable amount|nettobetrag|"
        "netto|wartosc netto|grondslag|subtotal|sub total",
        last=True,
    ),
    _field(
        "products_total",
        "amount",
        "valor produtos|total produtos|valor total produtos",
        "valor total produtos|total produtos|valor produtos|products total|total products",
        last=True,
    ),
    _field(
        "services_total",
        "amount",
        "total servicos|valor servicos|valor total servicos",
        "valor total servicos|valor servicos|total servicos|valor total servico|valor operacao servico|valor servico",
        last=True,
    ),
    _field(
        "receivable",
        "amount",
        "valor receber|valor total receber|total receber",
        "valor total receber|valor a receber|valor receber|total a receber",
    ),
    _field(
        "cargo_value", "amount", "valor carga|valor total carga|total carga", "valor total carga|valor carga|valor mercadoria"
    ),
    _field(
        "iss",
        "amount",
        "issqn|valor issqn|iss|valor iss|issqn apurado",
        "issqn apurado|valor issqn|valor iss|iss apurado|issqn|iss",
    ),
    _field("icms", "amount", "icms|valor icms", "valor icms|v icms|icms"),
    _field("icms_base", "amount", "base calculo icms|base icms", "base calculo icms|bc icms"),
    _field("ipi", "amount", "ipi|valor ipi", "valor ipi|v ipi|ipi"),
    _field(
        "tax",
        "amount",
        "imposto|valor imposto|total imposto|imposto total",
        "total tax|tax total|tax amount|sales tax|vat amount|gst amount|gst payable|valor impostos|total impostos|tax|vat|"
        "gst|tva|iva|mwst|btw bedrag|btw",
        last=True,
    ),
    _field("freight", "amount", "frete|valor frete", "valor frete|shipping handling|shipping|freight|frete|postage|delivery"),
    _field("insurance", "amount", "valor seguro", "valor seguro"),
    _field("discount", "amount", "desconto|valor desconto", "valor desconto|desconto|discount|total discount", last=True),
    _field(
        "number",
        "code",
        "numero|numero nota|numero documento|numero serie documento|nota id",
        "numero nfs e|numero nota fiscal|numero nota|nota fiscal numero|nota fiscal no|nota fiscal|nf e no|numero documento|"
        "nro documento|invoice number|invoice no|invoice nr|invoice num|invoice id|invoice #|invoice|"
        "inv number|inv no|inv #|"
        "tax invoice no|tax invoice|taxinv|receipt number|receipt no|receipt #|receipt|bill number|bill no|bill #|bill|"
        "document no|document number|doc no|slip no|slip|rechnungsnummer|rechnungsnr|rechnung nr|factuurnummer|factuur|"
        "facture no|facture numero|facture|no facture|faktura nr|numero|number|fatura no|fatura|recibo no|no|nr",
    ),
    _field(
        "order",
        "code",
        "numero pedido|pedido|pedido id|numero ordem compra|ordem compra",
        "numero pedido|pedido no|purchase order number|purchase order no|purchase order|po number|po no|po #|order number|"
        "order no|order id|order #|ordem compra|pedido|order|ordernummer",
    ),
    _field("series", "code", "serie|numero serie", "serie dps|serie nfs e|serie nota|serie|series"),
    _field(
        "protocol",
        "digits",
        "protocolo|numero protocolo|protocolo autorizacao|protocolo autorizacao uso",
        "protocolo autorizacao uso|protocolo autorizacao|numero protocolo|protocolo no|protocolo|protocol",
    ),
    _field(
        "contract",
        "code",
        "numero contrato|contrato",
        "numero contrato|contrato no|contract number|contract no|contrato|contract",
    ),
    _field("plate", "plate", "placa|placa veiculo", "placa veiculo|placa|license plate|plate"),
    _field("state_registration", "code", "inscricao estadual|ie", "inscricao estadual|inscr est|ie"),
    _field("city_registration", "code", "inscricao municipal|im", "inscricao municipal|indicador municipal inscricao|im"),
    _field("cfop", "code", "cfop", "cfop"),
    _field("ncm", "code", "ncm", "ncm sh|ncm"),
    _field("bank_slip_number", "code", "nosso numero", "nosso numero"),
    _field("branch", "code", "agencia|agencia codigo beneficiario", "agencia codigo beneficiario|agencia codigo cedente|agencia"),
    _field("account", "code", "conta|conta corrente|numero conta", "conta corrente|account number|account no|bank account|conta"),
    _field("rate", "percent", "aliquota|porcentagem|percentual|taxa", "aliquota aplicada|aliquota|rate|percentual|taxa"),
    _field(
        "nature",
        "text",
        "natureza operacao|natureza|natureza prestacao",
        "natureza operacao|cfop natureza prestacao|natureza prestacao|natureza",
    ),
    _field(
        "name",
        "name",
        "nome|razao social|nome razao social|nome empresarial|nome completo|nome empresa|razao social nome",
        "nome razao social|nome nome empresarial|razao social nome|razao social|nome empresarial|nome completo|full name|"
        "company name|nome|name",
    ),
    _field("address", "text", "endereco|endereco completo|logradouro|rua", "endereco|logradouro|address"),
    _field("district", "text", "bairro|distrito", "bairro distrito|bairro|district"),
    _field("city", "text", "cidade|municipio", "municipio sigla uf|municipio|cidade|city|localidade"),
    _field("state", "state", "uf|estado", "uf|estado|state"),
    _field("country", "text", "pais", "pais|country"),
    _field("weight", "amount", "peso bruto|peso liquido|peso", "peso bruto|peso total|peso"),
    _field(
        "description",
        "text",
        "descricao|descricao servico|servico descricao",
        "descricao servico|discriminacao servicos|descricao|description",
    ),
    _field("correction", "text", "correcao|texto correcao|correcoes", "correcao"),
    _field("model", "code", "modelo", "modelo"),
    _field(
        "payment_method",
        "text",
        "forma pagamento|metodo pagamento|meio pagamento|payment method",
        "forma pagamento|meio pagamento|payment method|payment terms|condicoes pagamento",
    ),
    _field("bank", "text", "banco|nome banco", "nome banco|bank name|banco|bank"),
)
