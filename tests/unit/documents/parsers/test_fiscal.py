import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from lxml import etree

from documents.finder import find
from documents.parsers.fiscalforms import number, printed
from documents.parsers.registry import choose
from documents.skeleton import Skeleton
from tests.unit.documents.parsers.making import read

NFE = """<nfeProc versao="4.00" xmlns="http://www.portalfiscal.inf.br/nfe"><NFe><infNFe Id="NFe%s" versao="4.00">
<ide><natOp>Venda</natOp><serie>3</serie><nNF>4711</nNF><dhEmi>2026-03-05T14:30:00-03:00</dhEmi><tpNF>1</tpNF></ide>
<emit><CNPJ>12ABC34501DE35</CNPJ><xNome>Padaria São João Ltda</xNome><enderEmit><xLgr>Rua A</xLgr><nro>10</nro><xMun>Recife</xMun>
<CEP>50000123</CEP><fone>8133334444</fone></enderEmit><IE>123</IE></emit>
<dest><CPF>12345678909</CPF><xNome>Ana Lima</xNome></dest>
<det nItem="1"><prod><cProd>P1</cProd><xProd>Pão</xProd><NCM>19059090</NCM><CFOP>5102</CFOP><uCom>UN</uCom><qCom>2.0000</qCom>
<vUnCom>1.5000000000</vUnCom><vProd>3.00</vProd><xPed>77</xPed></prod><imposto><ICMS><ICMS00><CST>00</CST><vBC>3.00</vBC>
<pICMS>18.00</pICMS><vICMS>0.54</vICMS></ICMS00></ICMS><PIS><PISAliq><CST>01</CST><vPIS>0.02</vPIS></PISAliq></PIS></imposto></det>
<det nItem="2"><prod><cProd>P2</cProd><xProd>Bolo</xProd><NCM>19059090</NCM><CFOP>5102</CFOP><uCom>UN</uCom><qCom>1.0000</qCom>
<vUnCom>1231.56</vUnCom><vProd>1231.56</vProd></prod></det>
<total><ICMSTot><vBC>3.00</vBC><vICMS>0.54</vICMS><vProd>1234.56</vProd><vNF>1234.56</vNF></ICMSTot></total>
<cobr><dup><nDup>001</nDup><dVenc>2026-04-05</dVenc><vDup>1234.56</vDup></dup></cobr><pag><detPag><tPag>17</tPag></detPag></pag>
<infAdic><infCpl>Texto livre</infCpl></infAdic></infNFe><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><X>c2lnbmVk</X></Signature></NFe>
<protNFe><infProt><chNFe>%s</chNFe><nProt>135260000000001</nProt></infProt></protNFe></nfeProc>"""
KEY = "35260312ABC34501DE35550030000047111001234567"
CTE = """<CTe xmlns="http://www.portalfiscal.inf.br/cte"><infCte Id="CTe1"><ide><nCT>574</nCT></ide><rem><CNPJ>12345678000195</CNPJ></rem>
<vPrest><vTPrest>221.19</vTPrest><vRec>200.00</vRec><Comp><xNome>Frete</xNome><vComp>221.19</vComp></Comp></vPrest>
<infCTeNorm><infCarga><vCarga>3016.92</vCarga></infCarga></infCTeNorm></infCte></CTe>"""
MDFE = """<MDFe xmlns="http://www.portalfiscal.inf.br/mdfe"><infMDFe Id="MDFe2"><ide><nMDF>15</nMDF></ide><infModal><rodo><veicTracao>
<placa>RBO9832</placa><condutor><xNome>Caio Reis</xNome><CPF>12345678909</CPF></condutor></veicTracao></rodo></infModal>
<tot><vCarga>33.19</vCarga></tot></infMDFe></MDFe>"""
NFSE = """<NFSe xmlns="http://www.sped.fazenda.gov.br/nfse"><infNFSe Id="NFS3"><nNFSe>888</nNFSe><emit><CNPJ>11111111000191</CNPJ></emit>
<valores><vISSQN>150.00</vISSQN><vLiq>4300.00</vLiq></valores><DPS><infDPS><dhEmi>2026-04-07T09:00:00-03:00</dhEmi><dCompet>2026-04-01</dCompet>
<prest><CNPJ>12345678000195</CNPJ><xNome>Limpa Ltda</xNome></prest><toma><CNPJ>07262364000199</CNPJ></toma>
<valores><vServPrest><vServ>5000.00</vServ></vServPrest></valores></infDPS></DPS></infNFSe></NFSe>"""


def text_of(tmp_path: Path, content: str) -> str:
    (tmp_path / "a.xml").write_bytes(content.encode())
    assert choose(tmp_path / "a.xml", "upload").title.startswith("NF-e")
    return "\n".join(page.text for page in read(tmp_path / "a.xml")[0])


def test_a_note_is_printed_as_its_paper_is(tmp_path: Path) -> None:
    lines = text_of(tmp_path, NFE % (KEY, KEY)).split("\n")
    for line in (
        f"Chave de acesso: {KEY}", "Protocolo de autorização: 135260000000001", "Número da NF-e: 4711", "EMITENTE",
        "Data de emissão: 05/03/2026 14:30:00 (UTC-03:00)", "Tipo de operação: 1 - Saída", "CNPJ do emitente: 12.ABC.345/01DE-35",
        "Endereço do emitente: Rua A, 10", "CEP do emitente: 50000-123", "Fone do emitente: (81) 3333-4444",
        "CPF do destinatário: 123.456.789-09", "Valor total da nota: 1.234,56", "Forma de pagamento: 17 - PIX",
        "Item | Código | Descrição | NCM/SH | CST | CFOP | Unidade | Quantidade | Valor unitário | Valor total | Base ICMS | Valor ICMS"
        " | Alíquota ICMS",
        "1 | P1 | Pão | 19059090 | 00 | 5102 | UN | 2,0000 | 1,50 | 3,00 | 3,00 | 0,54 | 18,00",
        "2 | P2 | Bolo | 19059090 |  | 5102 | UN | 1,0000 | 1.231,56 | 1.231,56 |  |  | ",
        "Item 1: Pedido: 77; CST do PIS: 01; Valor do PIS: 0,02", "001 | 05/04/2026 | 1.234,56",
    ):  # fmt: skip
        assert line in lines, line
    assert lines.count(f"Chave de acesso: {KEY}") == 1 and not any("c2lnbmVk" in line for line in lines)


@pytest.mark.parametrize("source", [NFE % (KEY, KEY), CTE, MDFE, NFSE])
def test_nothing_of_the_xml_is_lost(tmp_path: Path, source: str) -> None:
    found = re.sub(r"[^0-9A-Za-zÀ-ÿ]", "", text_of(tmp_path, source))
    for node in etree.fromstring(source).iter():
        if not len(node) and "xmldsig" not in node.tag and node.text:
            value = printed(etree.QName(node).localname, node.text)
            assert re.sub(r"[^0-9A-Za-zÀ-ÿ]", "", value) in found, node.tag


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (NFE % (KEY, KEY), {"chave_de_acesso": KEY, "numero": "4711", "serie": "3", "cnpj_emitente": "12.ABC.345/01DE-35",
          "cnpj_cpf_destinatario": "123.456.789-09", "nome_emitente": "Padaria São João Ltda", "valor_total": "1.234,56",
          "natureza_operacao": "Venda", "protocolo": "135260000000001", "data_emissao": "05/03/2026", "linha_digitavel": None}),
        (CTE, {"numero": "574", "cnpj_remetente": "12.345.678/0001-95", "valor_total": "221,19", "valor_a_receber": "200,00",
               "valor_carga": "3.016,92"}),
        (MDFE, {"numero": "15", "placa": "RBO9832", "nome_condutor": "Caio Reis", "cpf_condutor": "123.456.789-09", "valor_total": "33,19"}),
        (NFSE, {"numero": "888", "cnpj_prestador": "12.345.678/0001-95", "cnpj_cpf_tomador": "07.262.364/0001-99", "valor_total":
                "5.000,00", "valor_liquido": "4.300,00", "valor_issqn": "150,00", "competencia": "01/04/2026"}),
    ],
)  # fmt: skip
def test_the_built_in_finder_answers_every_field(tmp_path: Path, source: str, wanted: dict[str, str | None]) -> None:
    text_of(tmp_path, source)
    answer, _ = find(Skeleton.parse(json.dumps(dict.fromkeys(wanted, ""))), "", read(tmp_path / "a.xml")[0])
    assert answer == wanted


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("vNF", "1234567.8", "1.234.567,80"), ("vNF", "-0.5", "-0,50"), ("vNF", "5", "5,00"), ("vUnCom", "1.23456", "1,23456"),
     ("qCom", "1000.0000", "1.000,0000"), ("qVol", "198", "198"), ("pICMS", "18.0000", "18,00"), ("dVenc", "2026-04-05", "05/04/2026"),
     ("verProc", "4.00", "4.00"), ("dhEmi", "2026-03-05T14:30:00Z", "05/03/2026 14:30:00 (UTC)"), ("fone", "5511999999999", "5511999999999"),
     ("CNPJ", "1", "1"), ("xNome", "1234.5", "1234.5"), ("vNF", "abc", "abc"), ("dVenc", "soon", "soon"), ("placa", "1.5", "1.5")],
)  # fmt: skip
def test_values_look_as_they_are_printed(name: str, value: str, shown: str) -> None:
    assert printed(name, value) == shown


@given(some.decimals(min_value=-(10**12), max_value=10**12, places=4, allow_nan=False))
def test_numbers_keep_their_value(value) -> None:
    text = f"{value:f}"
    assert number(text, None).replace(".", "").replace(",", ".") in (text, text.removeprefix("-"))
