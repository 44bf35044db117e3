"""Names of results: the template of --name."""

import string
from dataclasses import dataclass
from pathlib import PurePosixPath

import click

FIELDS = ("dir", "stem", "ext", "width", "height", "format")
DEFAULT = "{dir}/{stem}.{ext}"
# A file system's limit, in bytes, for one name.
NAME_MAX_BYTES = 255


@dataclass(frozen=True)
class Template:
    """A pattern such as `{dir}/{stem}-{width}.{ext}`; its result is below the output folder."""

    text: str = DEFAULT

    def fields(self) -> set[str]:
        """The names of the fields that it holds."""
        return {name for _, name, _, _ in string.Formatter().parse(self.text) if name is not None}

    def needs_result(self) -> bool:
        """Whether the name is known only when the image is done."""
        return bool(self.fields() & {"width", "height"})

    def render(
        self,
        source: PurePosixPath,
        file_format: str,
        *,
        stem: str | None = None,
        width: int = 0,
        height: int = 0,
    ) -> PurePosixPath:
        """The result's path for the image at `source`; raises ValueError when it leaves the folder.

        `stem`: instead of the source's own.
        """
        values = {
            "dir": source.parent.as_posix(),
            "stem": source.stem if stem is None else stem.replace("/", "-"),
            "ext": file_format,
            "format": file_format,
            "width": width,
            "height": height,
        }
        path = PurePosixPath(self.text.format_map(values))
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise ValueError(
                f"{self.text!r} gives {str(path)!r}, which is not below the output folder."
            )
        if any(len(part.encode(errors="surrogateescape")) > NAME_MAX_BYTES for part in path.parts):
            raise ValueError(
                f"{path.name[:40]}… is longer than the {NAME_MAX_BYTES} bytes of a name."
            )
        return path


class TemplateType(click.ParamType[Template]):
    """--name, checked before anything is sent."""

    name = "TEMPLATE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Template:
        """The template, if every image would get a name by it."""
        if isinstance(value, Template):
            return value
        text = str(value)
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        try:
            pieces = list(string.Formatter().parse(text))
        except ValueError as error:
            self.fail(f"{text!r}: {error}. Allowed: {known}.", param, ctx)
        for _, name, spec, conversion in pieces:
            if name is not None and (name not in FIELDS or spec or conversion):
                self.fail(f"{text!r} has {{{name}}}; allowed: {known}.", param, ctx)
        template = Template(text)
        try:
            template.render(PurePosixPath("a/b.jpg"), "webp", width=1, height=1)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not template.fields() & {"stem", "width", "height"} or "\0" in text:
            self.fail(f"{text!r} gives every image one name. Write {DEFAULT!r}, say.", param, ctx)
        return template
