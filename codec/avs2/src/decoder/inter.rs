//! Motion of the CUs of inter pictures.

use super::lcu::Source;
use super::picture::PictureContext;
use crate::aec::AecReader;
use crate::filter::RowInfo;
use crate::inter::{
    CollocatedMotion, CuType, InterCuKind, InterResidual, InterSyntax, InterTools, MotionContext,
    MotionField, Orientation, Partition, PictureOrder, PredictionBlock, Rect, code_cu_type, code_inter,
    code_inter_residual, switch_off_still_edges, transform_split,
};
use crate::syntax::{Neighbours, Node, TransformSplit};
use crate::{Error, PictureType};

/// An inter CU without motion and coefficients.
#[derive(Debug, Clone, Copy)]
pub(super) struct InterCu {
    pub partition: Partition,
    pub orientation: Orientation,
    pub residual: InterResidual,
}

impl InterCu {
    /// Division into luma blocks.
    pub fn split(&self) -> TransformSplit {
        transform_split(self.residual.split, self.orientation)
    }
}

/// What the CUs of an inter picture share.
#[derive(Debug)]
pub(super) struct InterDecoder {
    tools: InterTools,
    order: PictureOrder,
    field: MotionField,
    /// The blocks of the last inter CU.
    predictions: Vec<PredictionBlock>,
}

impl InterDecoder {
    pub fn new(context: &PictureContext, order: PictureOrder) -> Self {
        let mut field = MotionField::default();
        field.reset(context.geometry.width, context.geometry.height);
        let tools = InterTools::new(&context.sequence, &context.header);
        Self { tools, order, field, predictions: Vec::new() }
    }

    /// Reads an inter CU but for its coefficients; `None` if the CU, whose type it has read, is an intra CU.
    pub fn read_cu(
        &mut self,
        context: &PictureContext,
        Source { slice, aec }: &mut Source<'_, '_>,
        neighbours: &mut Neighbours,
        node: Node,
    ) -> Result<Option<InterCu>, Error> {
        let cu_type = self.motion(aec, slice.number, node);
        let partition = match cu_type {
            CuType::Intra => return Ok(None),
            CuType::Explicit(partition) => partition,
            _ => Partition::Whole,
        };
        let nsqt = context.sequence.nonsquare_quadtree_transform_enable && node.size() > 8;
        let orientation = if nsqt { partition.orientation() } else { Orientation::Square };
        let kind = InterCuKind { cu_type, orientation };
        let mut residual = InterResidual::default();
        code_inter_residual(*aec, &slice.tools, neighbours, node, kind, &mut residual);
        aec.check()?;
        self.field.set_coded(Rect::of(node), residual.ctp != 0);
        Ok(Some(InterCu { partition, orientation, residual }))
    }

    /// What predicts the CU that [`read_cu`](Self::read_cu) has read.
    pub fn predictions(&self) -> &[PredictionBlock] {
        &self.predictions
    }

    /// Decodes the type and the motion of a CU in slice number `slice`.
    fn motion(&mut self, aec: &mut AecReader<'_>, slice: u32, node: Node) -> CuType {
        let log2_size = node.log2_size as u8;
        let cu_type = code_cu_type(aec, &self.tools, log2_size, CuType::Skip);
        let mut syntax = InterSyntax::default();
        code_inter(aec, &self.tools, log2_size, cu_type, &mut syntax);
        let context = MotionContext {
            tools: self.tools,
            distances: self.order.distances,
            collocated: self.order.references.first().and_then(|reference| reference.motion.as_ref()),
        };
        // Slice 0 stands for blocks that are not decoded.
        let blocks = context.decode_cu(&mut self.field, slice + 1, node, cu_type, &syntax);
        self.predictions.clear();
        self.predictions.extend_from_slice(blocks.as_slice());
        cu_type
    }

    /// Unmarks the edges of a complete LCU row that are not filtered; `top` is its first luma row.
    pub fn finish_row(&self, info: &mut RowInfo, top: usize) {
        if self.tools.picture_type != PictureType::B {
            switch_off_still_edges(info, &self.field, top);
        }
    }

    /// What later pictures need of the motion.
    pub fn collocated(&self) -> CollocatedMotion {
        self.field.to_collocated(&self.order.distances)
    }
}
