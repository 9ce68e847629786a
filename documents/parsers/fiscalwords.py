"""The words that DANFE, DACTE, DAMDFE and DANFSe print for the elements of their XML.

A label belongs to `element` or, before that, to `parent/element`. What has none is printed under the name of its element.
"""

FAMILIES = {  # namespace → prefix of the Id, title of the printed document
    "http://www.portalfiscal.inf.br/nfe": ("NFe", "NF-e - Nota Fiscal Eletrônica"),
    "http://www.portalfiscal.inf.br/cte": ("CTe", "CT-e - Conhecimento de Transporte Eletrônico"),
    "http://www.portalfiscal.inf.br/mdfe": ("MDFe", "MDF-e - Manifesto Eletrônico de Documentos Fiscais"),
    "http://www.sped.fazenda.gov.br/nfse": ("NFS", "NFS-e - Nota Fiscal de Serviço Eletrônica"),
}

HEADINGS = {
    "ide": "IDENTIFICAÇÃO DO DOCUMENTO", "emit": "EMITENTE", "dest": "DESTINATÁRIO", "rem": "REMETENTE",
    "exped": "EXPEDIDOR", "receb": "RECEBEDOR", "toma": "TOMADOR DO SERVIÇO", "toma3": "TOMADOR DO SERVIÇO",
    "toma4": "TOMADOR DO SERVIÇO", "prest": "PRESTADOR DO SERVIÇO", "interm": "INTERMEDIÁRIO DO SERVIÇO",
    "transporta": "TRANSPORTADOR", "retirada": "LOCAL DE RETIRADA", "entrega": "LOCAL DE ENTREGA", "transp": "TRANSPORTE",
    "total": "CÁLCULO DO IMPOSTO", "cobr": "FATURA / DUPLICATA", "pag": "PAGAMENTO", "infAdic": "DADOS ADICIONAIS",
    "compl": "OBSERVAÇÕES", "vPrest": "COMPONENTES DO VALOR DA PRESTAÇÃO", "imp": "INFORMAÇÕES RELATIVAS AO IMPOSTO",
    "infCarga": "INFORMAÇÕES DA CARGA", "infDoc": "DOCUMENTOS ORIGINÁRIOS", "infModal": "MODAL", "seg": "SEGURO",
    "tot": "TOTAIS DA CARGA", "serv": "SERVIÇO PRESTADO", "valores": "VALORES", "infProt": "AUTORIZAÇÃO", "DPS": "DPS",
    "veicTracao": "VEÍCULO", "veicReboque": "REBOQUE", "condutor": "CONDUTOR", "infRespTec": "RESPONSÁVEL TÉCNICO",
    "autXML": "AUTORIZADOS A BAIXAR O XML", "infEvento": "EVENTO", "avulsa": "FISCO EMITENTE", "IBSCBS": "IBS E CBS",
}  # fmt: skip

PARTIES = {  # whose fields they are that stand in an element
    "emit": "do emitente", "dest": "do destinatário", "rem": "do remetente", "exped": "do expedidor",
    "receb": "do recebedor", "toma": "do tomador", "toma3": "do tomador", "toma4": "do tomador", "prest": "do prestador",
    "interm": "do intermediário", "transporta": "do transportador", "retirada": "do local de retirada",
    "entrega": "do local de entrega", "seg": "do responsável pelo seguro", "infSeg": "da seguradora",
    "condutor": "do condutor", "infRespTec": "do responsável técnico", "autXML": "do autorizado",
    "infPag": "do responsável pelo pagamento", "infCIOT": "do responsável pelo CIOT", "veicTracao": "do veículo",
    "veicReboque": "do reboque", "prop": "do proprietário", "ferroEnv": "da ferrovia", "infContratante": "do contratante",
    "card": "da credenciadora", "fornecedor": "do fornecedor", "IBSCBS/dest": "do destinatário",
    "infEvento": "do autor do evento",
}  # fmt: skip
OWN = frozenset((  # elements whose label names whose they are
    "CNPJ", "CPF", "NIF", "idEstrangeiro", "xNome", "xFant", "IE", "IEST", "IM", "xLgr", "xEnder", "xBairro", "xMun",
    "UF", "CEP", "xPais", "fone",
    "email", "placa", "RENAVAM", "tara", "capKG", "capM3",
))  # fmt: skip

TAXES = frozenset((  # elements whose fields are those of one tax
    "ICMS", "IPI", "PIS", "COFINS", "II", "ISSQN", "IS", "PISST", "COFINSST", "ICMSUFDest", "IBSCBS", "piscofins",
))  # fmt: skip
OF_TAX = {"CST": "CST", "CSOSN": "CSOSN", "vBC": "Base de cálculo", "orig": "Origem", "modBC": "Modalidade da base", "pRedBC":
          "Redução da base"}  # fmt: skip

LABELS = {
    "versao": "Versão do leiaute", "cUF": "Código da UF", "cNF": "Código numérico", "cCT": "Código numérico",
    "cMDF": "Código numérico", "natOp": "Natureza da operação", "mod": "Modelo", "serie": "Série", "DPS/serie": "Série da DPS",
    "infDPS/serie": "Série da DPS", "nNF": "Número da NF-e", "nCT": "Número do CT-e", "nMDF": "Número do MDF-e",
    "nNFSe": "Número da NFS-e", "nDPS": "Número da DPS", "nDFSe": "Sequência do DF-e", "dhEmi": "Data de emissão",
    "dhSaiEnt": "Data de saída/entrada", "dCompet": "Competência", "dhProc": "Processamento", "tpNF": "Tipo de operação",
    "modal": "Modal do transporte", "tpAmb": "Ambiente", "ambGer": "Ambiente gerador", "tpEmis": "Tipo de emissão",
    "finNFe": "Finalidade", "verProc": "Versão do aplicativo", "verAplic": "Versão do aplicativo",
    "cMunFG": "Código do município",
    "cMun": "Código do município", "cPais": "Código do país", "cMunEnv": "Código do município de envio",
    "xMunEnv": "Local de envio", "UFEnv": "UF de envio", "xMunIni": "Início da prestação", "UFIni": "UF de início",
    "xMunFim": "Término da prestação", "UFFim": "UF de término", "UFPer": "UF do percurso", "dhIniViagem": "Início da viagem",
    "CNPJ": "CNPJ", "CPF": "CPF", "NIF": "NIF", "idEstrangeiro": "Identificação estrangeira", "xNome": "Nome / Razão social",
    "Comp/xNome": "Componente", "vComp": "Valor do componente", "xFant": "Fantasia", "IE": "Inscrição estadual",
    "IEST": "Inscrição estadual do substituto", "IM": "Inscrição municipal", "CNAE": "CNAE", "CRT": "Regime tributário",
    "ISUF": "Inscrição na SUFRAMA", "xLgr": "Endereço", "xEnder": "Endereço", "xBairro": "Bairro / Distrito", "xMun": "Município",
    "UF": "UF", "CEP": "CEP", "xPais": "País", "fone": "Fone", "email": "E-mail", "xContato": "Contato",
    "veicTracao/UF": "UF do licenciamento", "veicReboque/UF": "UF do licenciamento",
    "ICMSTot/vBC": "Base de cálculo do ICMS", "vICMS": "Valor do ICMS", "pICMS": "Alíquota do ICMS",
    "vICMSDeson": "Valor do ICMS desonerado", "vBCST": "Base de cálculo do ICMS ST", "vST": "Valor do ICMS substituição",
    "vICMSST": "Valor do ICMS substituição", "vFCP": "Valor do FCP", "vFCPST": "Valor do FCP ST",
    "vFCPSTRet": "Valor do FCP ST retido", "ICMSTot/vProd": "Valor total dos produtos", "vFrete": "Valor do frete",
    "vSeg": "Valor do seguro", "vDesc": "Desconto", "vII": "Valor do imposto de importação", "vIPI": "Valor do IPI",
    "vIPIDevol": "Valor do IPI devolvido", "vPIS": "Valor do PIS", "vCOFINS": "Valor da COFINS", "pPIS": "Alíquota do PIS",
    "pCOFINS": "Alíquota da COFINS", "pIPI": "Alíquota do IPI", "vOutro": "Outras despesas acessórias",
    "vNF": "Valor total da nota", "vTotTrib": "Valor aproximado dos tributos", "vNFTot": "Total com IBS, CBS e IS",
    "ISSQNtot/vServ": "Base dos serviços", "ISSQNtot/vISS": "ISS", "modFrete": "Frete por conta",
    "qVol": "Quantidade de volumes", "esp": "Espécie", "marca": "Marca", "nVol": "Numeração", "pesoL": "Peso líquido",
    "pesoB": "Peso bruto", "nFat": "Fatura", "vOrig": "Valor original", "vLiq": "Valor líquido", "dVenc": "Vencimento",
    "tPag": "Forma de pagamento", "vPag": "Valor pago", "indPag": "Condição de pagamento", "vTroco": "Troco",
    "infCpl": "Informações complementares", "infAdFisco": "Informações de interesse do fisco", "xObs": "Observações",
    "xTexto": "Observação", "infAdProd": "Informações adicionais", "cEAN": "GTIN", "cEANTrib": "GTIN tributável",
    "nProt": "Protocolo de autorização", "dhRecbto": "Data e hora da autorização", "xMotivo": "Situação",
    "cStat": "Código da situação",
    "digVal": "Resumo digital", "vTPrest": "Valor total do serviço", "vRec": "Valor a receber",
    "vCarga": "Valor total da carga",
    "tot/vCarga": "Valor total", "proPred": "Produto predominante", "xOutCat": "Outras características da carga",
    "qCarga": "Quantidade da carga", "tpMed": "Tipo de medida", "cUnid": "Unidade", "vCargaAverb": "Valor averbado",
    "infNFe/chave": "NF-e originária", "chNFe": "NF-e vinculada", "chCTe": "CT-e vinculado", "refNFe": "NF-e referenciada",
    "RNTRC": "RNTRC", "placa": "Placa", "RENAVAM": "RENAVAM", "xMunCarrega": "Município de carregamento",
    "xMunDescarga": "Município de descarregamento", "nApol": "Apólice", "nAver": "Averbação", "xSeg": "Seguradora",
    "qNFe": "Quantidade de NF-e",
    "qCTe": "Quantidade de CT-e", "xLocEmi": "Município emissor", "xLocPrestacao": "Local da prestação",
    "xLocIncid": "Município de incidência do ISSQN", "xTribNac": "Tributação nacional", "xTribMun": "Tributação municipal",
    "cTribNac": "Código de tributação nacional", "cTribMun": "Código de tributação municipal", "cNBS": "Código NBS",
    "xDescServ": "Descrição do serviço", "vServ": "Valor do serviço", "valores/vISSQN": "ISSQN apurado",
    "tribMun/vISSQN": "ISSQN da DPS", "vTotalRet": "Total das retenções", "valores/vLiq": "Valor líquido da NFS-e",
    "valores/vBC": "Base de cálculo do ISSQN", "pAliqAplic": "Alíquota aplicada", "vRetCP": "Contribuição previdenciária retida",
    "vRetIRRF": "IRRF retido", "vRetCSLL": "CSLL retida", "vDescIncond": "Desconto incondicionado",
    "vDescCond": "Desconto condicionado", "xInfComp": "Informações complementares", "xPed": "Pedido",
    "descEvento": "Evento", "xCorrecao": "Correção", "xCondUso": "Condições de uso", "xJust": "Justificativa",
    "dhEvento": "Data de emissão do evento", "dhRegEvento": "Data e hora do registro", "nSeqEvento": "Sequência do evento",
    "tpEvento": "Código do evento", "CNPJDest": "CNPJ do destinatário", "CPFDest": "CPF do destinatário",
    "vTotNF": "Total com IBS e CBS", "chSubstda": "NFS-e substituída", "CIOT": "CIOT",
}  # fmt: skip

MEANINGS = {
    "tpNF": {"0": "Entrada", "1": "Saída"},
    "tpAmb": {"1": "Produção", "2": "Homologação - sem valor fiscal"},
    "finNFe": {"1": "Normal", "2": "Complementar", "3": "Ajuste", "4": "Devolução"},
    "modFrete": {"0": "Remetente (CIF)", "1": "Destinatário (FOB)", "2": "Terceiros", "3": "Próprio, remetente",
                 "4": "Próprio, destinatário", "9": "Sem transporte"},
    "tPag": {"01": "Dinheiro", "02": "Cheque", "03": "Cartão de crédito", "04": "Cartão de débito", "05": "Crédito loja",
             "10": "Vale-alimentação", "11": "Vale-refeição", "12": "Vale-presente", "13": "Vale-combustível",
             "14": "Duplicata mercantil", "15": "Boleto bancário", "16": "Depósito bancário", "17": "PIX",
             "18": "Transferência bancária", "19": "Cashback", "20": "PIX estático", "90": "Sem pagamento", "99": "Outros"},
    "indPag": {"0": "À vista", "1": "A prazo"},
    "CRT": {"1": "Simples Nacional", "2": "Simples Nacional, excesso de sublimite", "3": "Regime normal", "4": "MEI"},
    "toma": {"0": "Remetente", "1": "Expedidor", "2": "Recebedor", "3": "Destinatário", "4": "Outros"},
}  # fmt: skip

ITEMS = (  # the columns of the table of products: title, place below `det`
    ("Item", "@nItem"), ("Código", "prod/cProd"), ("Descrição", "prod/xProd"), ("NCM/SH", "prod/NCM"),
    ("CST", "imposto/ICMS/*/CST"), ("CSOSN", "imposto/ICMS/*/CSOSN"), ("CFOP", "prod/CFOP"), ("Unidade", "prod/uCom"),
    ("Quantidade", "prod/qCom"), ("Valor unitário", "prod/vUnCom"), ("Valor total", "prod/vProd"),
    ("Base ICMS", "imposto/ICMS/*/vBC"), ("Valor ICMS", "imposto/ICMS/*/vICMS"), ("Valor IPI", "imposto/IPI/*/vIPI"),
    ("Alíquota ICMS", "imposto/ICMS/*/pICMS"), ("Alíquota IPI", "imposto/IPI/*/pIPI"),
)  # fmt: skip
INSTALMENTS = (("Duplicata", "nDup"), ("Vencimento", "dVenc"), ("Valor", "vDup"))
TABLES = {"det": ITEMS, "dup": INSTALMENTS}
TITLES = {"det": "DADOS DOS PRODUTOS / SERVIÇOS", "dup": "DUPLICATAS"}
