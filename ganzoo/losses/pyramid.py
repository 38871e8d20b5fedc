"""The loss of a pyramid: any loss with a score at each level."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss
from ganzoo.pyramid import Pyramid


class PyramidLoss(Loss):
    """The sum of one loss a level, finest first; made by the builder for a config with `networks.pyramid`.

    D's outputs are those of `ganzoo.networks.laplacian.PyramidDiscriminator`; a level's loss gets the images and scores of its
    level alone. The name of a term ends in the level's height: `real_32`.
    """

    def __init__(self, levels: Sequence[Loss], pyramid: Pyramid) -> None:
        super().__init__()
        if len({level.score_sign for level in levels}) > 1:
            raise InputError(
                "the losses of a pyramid must agree which score is real; set the same real_label at each level"
            )
        self.levels, self.pyramid = nn.ModuleList(levels), pyramid
        self.score_sign = levels[0].score_sign
        # Class attributes of other losses, which here depend on the levels.
        vars(self).update(
            name=" + ".join(dict.fromkeys(level.name for level in levels)),
            g_uses_real=any(level.g_uses_real for level in levels),
            couples_samples=any(level.couples_samples for level in levels),
            per_sample_gradients=any(level.per_sample_gradients for level in levels),
            capturable=all(level.capturable for level in levels),
            watch=tuple(rule for rule in levels[0].watch if all(rule in level.watch for level in levels)),
        )

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """The sums of the levels' bounds."""
        lowest, fooled = zip(*(loss.d_loss_bounds for _, loss in self._losses()), strict=True)
        return sum(lowest), sum(fooled)

    def real_signs(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The signs (N, levels) of every level's loss."""
        signs = [loss.real_signs(self._part(real, k), self._part(fake, k)) for k, loss in self._losses()]
        return torch.stack(signs, 1)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms of every level's D."""
        return self._terms(lambda k, loss: loss.d_loss(self._part(real, k), self._part(fake, k)))

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The terms of every level's G."""
        return self._terms(lambda k, loss: loss.g_loss(real and self._part(real, k), self._part(fake, k)))

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The penalties of the levels, each on the images and the score of its level; `real` and `fake` in flat form."""
        return self._terms(lambda k, loss: self._penalty(k, loss, judge, real, fake))

    def observe_reals(self, real: DiscriminatorOutput) -> None:
        """Show each loss the reals of its level."""
        for k, loss in self._losses():
            loss.observe_reals(self._part(real, k))

    def after_d_step(self, discriminator: nn.Module) -> None:
        """Call the hook of each loss with the D of its level."""
        players = cast(Iterable[nn.Module], discriminator.levels)
        for (_, loss), player in zip(self._losses(), players, strict=True):
            loss.after_d_step(player)

    def after_g_step(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> None:
        """Call the hook of each loss with the outputs of its level."""
        for k, loss in self._losses():
            loss.after_g_step(real and self._part(real, k), self._part(fake, k))

    def readings(self) -> Terms:
        """The readings of all levels."""
        return self._terms(lambda _, loss: loss.readings())

    def _penalty(self, k: int, loss: Loss, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        if not loss.has_penalty:
            return {}

        def judge_level(samples: Batch) -> DiscriminatorOutput:
            flat = self.pyramid.with_level(real.images.detach(), k, samples.images)
            return self._part(judge(samples.with_images(flat)), k)

        real_level, fake_level = (each.with_images(self.pyramid.unpack(each.images)[0][k]) for each in (real, fake))
        return loss.penalty(judge_level, real_level, fake_level)

    def _part(self, judged: DiscriminatorOutput, k: int) -> DiscriminatorOutput:
        """The record of level `k` alone, without features."""
        images = self.pyramid.unpack(judged.images)[0][k]
        return DiscriminatorOutput(images, judged.labels, judged.code, score=judged.score[:, k])

    def _losses(self) -> Iterator[tuple[int, Loss]]:
        return enumerate(cast(Iterable[Loss], self.levels))

    def _terms(self, terms_of: Callable[[int, Loss], dict[str, Tensor]]) -> Terms:
        """The terms of all levels, each under its name and the height of its level."""
        heights = [height for _, height, _ in self.pyramid.shapes]
        return {f"{name}_{heights[k]}": term for k, loss in self._losses() for name, term in terms_of(k, loss).items()}
