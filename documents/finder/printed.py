"""Words and phrases on paper: headings, words of labels, titles, forms of companies. All folded."""

import re

from documents.finder.vocabulary import phrases, words

#: Printed phrases that open a party's block.
PARTY_PHRASES: dict[str, str] = {
    "bill to": "recipient",
    "billed to": "recipient",
    "billing address": "recipient",
    "invoice to": "recipient",
    "ship to": "recipient",
    "sold to": "recipient",
    "shipping address": "recipient",
    "delivery address": "recipient",
    "sold by": "issuer",
    "issued by": "issuer",
    "bill from": "issuer",
    "from": "issuer",
    "factuuradres": "recipient",
}
#: A carrier is also called by the name of a company; its heading needs a colon or nothing behind it.
WEAK_PARTIES = words(
    "transportadora transportador carrier cliente client customer vendor seller vendedor from contador responsavel provider"
)

#: Headings that end the block of a party.
NEUTRAL_HEADINGS = phrases(
    "calculo imposto|dados produto|dados produtos|dados adicionais|informacoes|fatura|faturas|duplicatas|duplicata|"
    "observacoes|componentes valor|documentos originarios|produto predominante|produto predominate|servico prestado|"
    "discriminacao servicos|tributacao|valor total nfs e|dados especificos|modal rodoviario|veiculos|veiculo|percurso|"
    "itens|items|descricao produtos|local retirada|local entrega|calculo issqn|dados servico|dados pagamento|"
    "reservado fisco|uso exclusivo|carta correcao|correcoes|instrucoes|description|quantity|item|payment details|"
    "gst summary|tax summary|gst analysis|vat summary|subtotal|sub total|total"
)

#: Words that labels are made of; a text of nothing else is a label and never a value.
LABEL_WORDS = words(
    "nome razao social chegada cnpj cpf nif ie im inscricao estadual municipal subst trib endereco logradouro bairro "
    "distrito cep municipio cidade uf sigla pais fone fax telefone tel phone email mail e data hora emissao saida entrada "
    "vencimento valor total base calculo icms issqn ipi pis cofins nota fiscal eletronica nf nfe nfs nf-e nfs-e ct-e mdf-e "
    "numero no nr nro serie folha fl modelo modal chave acesso protocolo autorizacao uso natureza operacao prestacao frete "
    "conta codigo antt placa veiculo quantidade especie marca numeracao peso bruto liquido descricao produto produtos "
    "servico servicos ncm sh cst cfop un unid qtd unit aliq aliquota desconto seguro outras despesas acessorias "
    "destinatario remetente emitente tomador adquirente prestador fornecedor recebedor expedidor transportador "
    "transportadora intermediario condutor condutores cpf/cnpj cnpj/cpf inicio termino documento nao identificado do da de "
    "dos das em a o ao os as para por com name address date due invoice number bill to ship order id description qty "
    "quantity price amount tax tax% subtotal customer client payment terms method page of the and empresarial indicador "
    "inscr insc rg assinatura identificacao recebimento ibge situacao finalidade competencia dps regime simples nacional "
    "local observacoes observacao beneficiario pagador sacado cedente agencia nosso carteira aceite processamento moeda "
    "banco multa juros mora abatimento cobrado fone/fax rntrc renavam ciot tipo contribuinte apolice averbacao responsavel "
    "carga predominante medida predominate volumes transportados"
)

#: Titles and notices that stand where a letterhead might stand.
TITLE_PHRASES = phrases(
    "danfe|dacte|damdfe|danfse|documento auxiliar|nota fiscal|recebemos|declaro que|sem valor fiscal|invoice|tax invoice|"
    "receipt|fatura|recibo|page|pagina|folha|duplicata|boleto|bill to|representacao grafica|carta de correcao|cupom fiscal|"
    "extrato|welcome|thank you|thanks|tq for|your order|guest check|copy|original|nfs-e|nf-e|ct-e|prefeitura|estado de|"
    "cash|serie|data de recebimento|identificacao"
)
COMPANY_SUFFIX = (
    r"ltda|s\.?/?a\.?|eireli|epp|m\.?e\.?i?|inc|llc|ltd|limited|corp|gmbh|ag|b\.?v\.?|n\.?v\.?|s\.?r\.?l|sarl|sas|"
    r"sdn\.? ?bhd|bhd|s/b|plc|pte|pty|co|company|"
    r"enterprise|trading|restaurant|sp\. z o\.o"
)
STREET_WORDS = (
    r"rua|r\.|av\.?|avenida|alameda|al\.|rodovia|rod\.|estrada|travessa|praca|largo|street|st\.?|road|rd\.?|"
    r"avenue|ave|lane|drive|jalan|jln|lot|no\.?|"
    r"suite|floor|p\.?o\.? box|weg|strasse|rue|plaza|bairro|cep"
)

#: Words that stand inside labels without changing them (`DATA DE EMISSÃO`, `DATA DA EMISSÃO`).
FILLERS = words("de do da dos das e of the a o as os and em por to")
#: Document names that may follow a label (`NÚMERO DA NFS-e`, `VALOR TOTAL DA NOTA FISCAL`).
LABEL_TAILS = words("nota fiscal nf nfe nfs nfse ct cte mdf mdfe fatura documento eletronica doc s es rs rm myr usd eur brl")
#: Words that only the party that writes the document prints about itself.
SELF_WORDS = (
    r"cnpj|inscr|ie\s?:|tel|fone|phone|fax|gst|gstin|vat|btw|ustid|siret|siren|nip|kvk|reg(?:istration)?\.? ?no|"
    r"company no|co\.? ?(?:no|reg)|iban|www\.|https?:|swift|bic"
)

LABEL_PIECE = re.compile(r"[a-z]+(?:-[a-z]+)?")


def is_label(text: str) -> bool:
    """Folded text made of words of labels alone, or that ends as labels do."""
    if text.rstrip().endswith(":"):
        return True
    words = LABEL_PIECE.findall(text)
    return (
        bool(words)
        and not any(character.isdigit() for character in text)
        and all(word in LABEL_WORDS or all(part in LABEL_WORDS for part in word.split("-")) for word in words)
    )
