//! Prediction of the CUs of inter pictures.

use super::picture::PictureContext;
use super::sink::LcuRow;
use crate::PictureType;
use crate::aec::AecReader;
use crate::inter::{
    Block, CollocatedMotion, Compensator, CuType, InterSyntax, InterTools, MotionContext, MotionField,
    PictureOrder, PredictionBlocks, Rect, code_cu_type, code_inter, switch_off_still_edges,
};
use crate::syntax::Node;

/// What the CUs of an inter picture share.
#[derive(Debug)]
pub(super) struct InterDecoder {
    tools: InterTools,
    order: PictureOrder,
    field: MotionField,
    compensator: Compensator,
}

impl InterDecoder {
    pub fn new(context: &PictureContext, order: PictureOrder) -> Self {
        let mut field = MotionField::default();
        field.reset(context.geometry.width, context.geometry.height);
        Self {
            tools: InterTools::new(&context.sequence, &context.header),
            order,
            field,
            compensator: Compensator::new(context.backend),
        }
    }

    /// Decodes the type and the motion of a CU in slice number `slice`.
    pub fn motion(&mut self, aec: &mut AecReader<'_>, slice: u32, node: Node) -> (CuType, PredictionBlocks) {
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
        (cu_type, blocks)
    }

    /// Notes whether a CU has coefficients.
    pub fn set_coded(&mut self, node: Node, coded: bool) {
        self.field.set_coded(Rect::of(node), coded);
    }

    /// Predicts all samples of `blocks` into `lcu_row`, whose first luma row is `top`.
    pub fn predict(&mut self, blocks: &PredictionBlocks, lcu_row: &mut LcuRow, top: usize) {
        for block in blocks.as_slice() {
            for (c, plane) in lcu_row.planes.iter_mut().enumerate() {
                let shift = usize::from(c > 0);
                let origin = plane.index(block.rect.x >> shift, ((block.rect.y - top) >> shift) + 1);
                let stride = plane.stride();
                let target = Block { samples: &mut plane.samples_mut()[origin..], stride };
                self.compensator.predict(&self.order.references, block, c, target);
            }
        }
    }

    /// Unmarks the edges of a complete LCU row that are not filtered.
    pub fn finish_row(&self, lcu_row: &mut LcuRow, top: usize) {
        if self.tools.picture_type != PictureType::B {
            switch_off_still_edges(&mut lcu_row.info, &self.field, top);
        }
    }

    /// What later pictures need of the motion.
    pub fn collocated(&self) -> CollocatedMotion {
        self.field.to_collocated(&self.order.distances)
    }
}
