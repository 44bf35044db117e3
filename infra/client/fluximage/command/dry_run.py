"""--dry-run: what would be sent, and whether the plan has enough for it."""

from typing import Any

from fluximage.answers import Usage
from fluximage.command.plan import Plan
from fluximage.command.words import count, printable, shown, size

SHOWN = 10


def shortages(plan: Plan, usage: Usage, *, ai: bool) -> list[str]:
    """What the plan lacks for these images; empty when it has enough."""
    images = len(plan.items)
    short = []
    left = usage.images_left
    if left is not None and images > left:
        short.append(
            f"The plan {usage.plan} has {count(left, 'image')} left; {images:,} are needed."
        )
    credits_left = usage.ia_credits_remaining
    if ai and images and usage.plan == "free":
        short.append("The plan free has no AI; leave out --alt-text and --rename.")
    elif ai and images > credits_left:
        short.append(f"{count(credits_left, 'AI credit')} left; {images:,} are needed.")
    return short


def account_line(usage: Usage, *, ai: bool) -> str:
    """What the plan has."""
    left = usage.images_left
    images = "no limit of images" if left is None else f"{count(left, 'image')} left"
    credits_left = f", {count(usage.ia_credits_remaining, 'AI credit')} left" if ai else ""
    return f"Plan {usage.plan}: {images}{credits_left}."


def plan_lines(plan: Plan) -> list[str]:
    """The images and where they go."""
    total = sum(item.found.size for item in plan.items)
    folders = len({item.found.path.parent for item in plan.items})
    lines = [f"{count(len(plan.items), 'image')}, {size(total)}, in {count(folders, 'folder')}"]
    for item in plan.items[:SHOWN]:
        target = shown(item.target) if item.target else "(its name is known when it is done)"
        lines.append(printable(f"  {item.found.path} → {target}"))
    if len(plan.items) > SHOWN:
        lines.append(f"  and {len(plan.items) - SHOWN:,} more")
    if plan.done:
        lines.append(f"{count(len(plan.done), 'image is', 'images are')} done already.")
    return lines


def record(plan: Plan, usage: Usage | None, short: list[str]) -> dict[str, Any]:
    """The line of --dry-run --json."""
    return {
        "type": "plan",
        "images": len(plan.items),
        "bytes": sum(item.found.size for item in plan.items),
        "skipped": len(plan.done),
        "plan": usage and usage.plan,
        "images_left": usage and usage.images_left,
        "ai_credits_left": usage and usage.ia_credits_remaining,
        "enough": not short,
        "shortages": short,
    }
