"""Who is known as whom: leads that turned out to be one person."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Aliases:
    """Each merged lead with the one that it was merged into. Rows keep their id: a merge leaves nothing else."""

    into: dict[str, str] = field(default_factory=dict)

    def root(self, lead_id: str) -> str:
        """Who a lead is known as. Of a circle (merged both ways, by topics that ran ahead) it is the least id."""
        path = [lead_id]
        while (following := self.into.get(path[-1])) is not None:
            if following in path:
                return min(path[path.index(following) :])
            path.append(following)
        return path[-1]

    def known_as(self, root: str) -> list[str]:
        """The other leads that are known as this one, in the order of their ids."""
        return sorted(lead for lead in self.into if lead != root and self.root(lead) == root)
