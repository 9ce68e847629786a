"""The words of keys and questions: synonyms, words without meaning, and the parties of a document.

Everything is folded (lower case, no accents), so that `invoice_number`, `nrNota` and `Número da nota` are the same words.
"""


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The phrases between `|`."""
    return tuple(text.split("|"))


def _table(*rows: str) -> dict[str, str]:
    """`canonical: word word …` turned around: each word to its canonical form."""
    pairs = (row.split(":") for row in rows)
    return {word: canonical for canonical, words in pairs for word in words.split()}


#: Folded word of a key or question → canonical word(s); "" drops the word.
SYNONYMS: dict[str, str] = _table(
    "numero: num nr nro no n number numbers numeros nnf",
    "data: dt date dates datas",
    "data emissao: dhemi demi",
    "valor: vl vlr val vr amount value valores amounts montante",
    "preco: price",
    "valor total nota: vnf",
    "total: totais totals gross balance payable",
    ": grand geral purchase license correio",
    "nota: invoice invoices bill fatura factura facture rechnung nf nfe nfse cte mdfe danfe dacte damdfe danfse fiscal "
    "receipt recibo cupom notas manifesto conhecimento cce",
    "documento: document doc documentos",
    "vencimento: vencto duedate expiry expiration",
    "emissao: issue issued emitida emitido emission issuing emitted",
    "competencia: competence accrual",
    "liquido: net",
    "untaxed: untaxed",
    "produtos: products produto mercadorias produtos",
    "servicos: services",
    "servico: service",
    "receber: receivable",
    "carga: cargo",
    "imposto: tax taxes impostos vat iva gst tributos",
    "frete: freight shipping",
    "desconto: discount descontos",
    "seguro: insurance",
    "pedido: order po ordem",
    "serie: series",
    "protocolo: protocol",
    "placa: plate placas",
    "veiculo: vehicle",
    "natureza: nature",
    "operacao: operation",
    "nome: name names nomes",
    "endereco: address",
    "cidade: city",
    "uf: state",
    "bairro: neighborhood neighbourhood district",
    "pais: country",
    "telefone: phone fone tel telephone celular mobile cellphone telefones phones",
    "email: mail mails emails eletronico",
    "cep: zip zipcode postal postcode ceps",
    "cnpj: cnpjs",
    "cpf: cpfs",
    "iban: ibans",
    "chave: chaves accesskey key",
    "acesso: access",
    "codigo barras: barcode",
    "digitavel: digitavel",
    "website: website site",
    "url: url",
    "descricao: description",
    "banco: bank",
    "contrato: contract contractual",
    "pagamento: payment",
    "metodo: method",
    "aliquota: rate",
    "percentual: percentage",
    "condutor: condutores",
    "motorista: motoristas",
    "moeda: currency",
    "nascimento: birth",
    "subtotal: subtotal",
    "peso: weight",
    "data nascimento: birthdate",
    "prestacao: prestacao",
    "id: identifier",
)

#: Words of keys and questions that say nothing about the value.
STOPWORDS = words(
    "a o as os e de do da dos das em no na nos nas ao um uma por para com que qual quais quanto quando quem cujo the of in "
    "on at to for from by is are was what which who whom when how much many this that it its and or an extraia extrair "
    "extract find encontre encontrar informe liste listar list all todos todas todo cada return retorne devolva give get "
    "me please favor seu sua their his her se foi ser esta este desta deste nesta neste existe houver s d tell show mostre "
    "diga informada informado there any each every"
)

#: Words of document titles, which a key may add to any field (`numero_nota_fiscal`).
TITLE_WORDS = words("nota documento fiscal eletronica eletronico pagina arquivo")

#: Keys that name no field: the question decides.
GENERIC_KEYS = words(
    "resposta respostas answer answers response result resultado resultados value valor values campo field texto text "
    "output saida info informacao information dado dados data item conteudo content solucao reply"
)

#: Party words → the group that stands for the same side of the document.
PARTIES: dict[str, str] = _table(
    "issuer: emitente emissor emissora issuer fornecedor fornecedora supplier vendor seller prestador prestadora provider "
    "vendedor vendedora beneficiario cedente contratada contratado locador locadora sprzedawca",
    "recipient: destinatario destinataria recipient tomador tomadora adquirente cliente customer client buyer comprador "
    "compradora pagador payer sacado contratante consignee locatario locataria nabywca",
    "sender: remetente shipper sender",
    "carrier: transportador transportadora carrier",
    "receiver: recebedor",
    "dispatcher: expedidor",
    "intermediary: intermediario",
    "driver: condutor condutores motorista motoristas driver",
    "guarantor: avalista sacador fiador",
    "responsible: responsavel",
    "insurer: seguradora",
    "insured: segurado",
    "witness: testemunha",
    "accountant: contador",
)
#: Words that name the issuer only in keys and questions: on paper they are too common.
KEY_PARTIES: dict[str, str] = PARTIES | _table(
    "issuer: empresa company merchant loja store estabelecimento shop partner emitter",
    "recipient: receiver",
)

#: Words that ask for a text which nobody printed.
WRITTEN = words(
    "resumo resuma resumir sumario summary summarize summarise sintese analise analysis analyze opiniao opinion explique "
    "explain explicacao conclusao conclusion traduza traducao translate translation compare describe descreva porque why"
)
