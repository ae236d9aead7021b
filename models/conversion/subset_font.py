"""Cut out of a large font the few glyphs that the visible label is written with.

    python subset_font.py NotoSansCJK-Bold.ttc ../../pipeline/label/label.otf

The input is in Debian's package fonts-noto-cjk 1:20220127+repack1-1 (SIL Open Font License 1.1, Adobe). What
is left has no hints, no kerning, no other layout and another name; the outlines stay as they are.

Needs fonttools 4.68.
"""

import hashlib
import sys
from pathlib import Path
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

SOURCE_SHA256: Final = "faa5f3656a78b2e2d450d27fe8382c778bc2b6bb5ea29c986664a6a435056ceb"
FAMILY: Final = "Noto Sans CJK SC"
NAME: Final = "Label Sans"
ALPHABETS: Final = (
    (0x20, 0x7E),  # ASCII
    (0xA0, 0x17F),  # western Europe, and what there is of the rest
    (0x391, 0x3A1),  # Greek
    (0x3A3, 0x3A9),
    (0x3B1, 0x3C9),
    (0x401, 0x401),  # Russian
    (0x410, 0x44F),
    (0x451, 0x451),
    (0x3041, 0x3096),  # kana
    (0x30A1, 0x30FC),
)
SIGNS: Final = "–—‘’‚“”„•…‰‹›€™，。、：；！？（）《》「」·"  # noqa: RUF001 -- these are meant
HAN: Final = (
    "人工智能生成合成内容标识图片像视频音文本由此本该经作制处理修改编辑换脸深度伪造虚拟仅供参考娱乐使用非真实拍摄"
    "知変更画動顔済本加"
)


def family_of(font: TTFont) -> str:
    """What a font of a collection calls itself."""
    return str(font["name"].getDebugName(1))


def cut(font: TTFont) -> None:
    """Leave the glyphs of the label, and nothing that only other texts need."""
    options = subset.Options(
        hinting=False,
        layout_features=[],
        name_IDs=[0, 13, 14],  # copyright and licence
        name_languages=[0x409],
        notdef_outline=True,
        drop_tables=["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx", "DSIG"],
        desubroutinize=True,
    )
    cutter = subset.Subsetter(options)
    wanted = {code for first, last in ALPHABETS for code in range(first, last + 1)}
    cutter.populate(unicodes=wanted | {ord(letter) for letter in SIGNS + HAN})
    cutter.subset(font)
    font.recalcTimestamp = False
    for number, text in ((1, NAME), (2, "Bold"), (4, f"{NAME} Bold"), (6, "LabelSans-Bold")):
        font["name"].setName(text, number, 3, 1, 0x409)
    top = font["CFF "].cff
    top.fontNames[0] = "LabelSans-Bold"
    top.topDictIndex[0].FullName, top.topDictIndex[0].FamilyName = f"{NAME} Bold", NAME


def main() -> None:
    """Read the collection that is named first, write the font that is named second."""
    source, destination = map(Path, sys.argv[1:])
    if hashlib.sha256(source.read_bytes()).hexdigest() != SOURCE_SHA256:
        sys.exit(f"{source} is not the collection that this was written for")
    [font] = [each for each in TTCollection(source).fonts if family_of(each).startswith(FAMILY)]
    cut(font)
    font.save(destination)
    print(destination, destination.stat().st_size, hashlib.sha256(destination.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
