"""Optimizers, made so that the first training step comes soon."""

from sfkeras.tensorflow import tf

keras = tf.keras


class _Traced:
    """Adam whose step is one operator per variable.

    Keras's own has thirteen, and a training waits for all of them to be traced and optimised before
    its first step. Several workers use Keras's own. The results are those of Keras but for the last
    bit: TensorFlow's operator computes 1 - beta in float32.
    """

    def _internal_apply_gradients(self, grads_and_vars):
        if tf.distribute.has_strategy():
            return super()._internal_apply_gradients(grads_and_vars)
        step, rate = tf.cast(self.iterations + 1, tf.float32), tf.cast(self.learning_rate, tf.float32)
        betas = [tf.constant(beta, tf.float32) for beta in (self.beta_1, self.beta_2)]
        powers, epsilon = [tf.pow(beta, step) for beta in betas], tf.constant(self.epsilon, tf.float32)
        for gradient, variable in grads_and_vars:
            place = self._index_dict[self._var_key(variable)]
            moments = self._momentums[place].handle, self._velocities[place].handle
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=moments[0],
                v=moments[1],
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rate,
                beta1=betas[0],
                beta2=betas[1],
                epsilon=epsilon,
                grad=gradient,
            )
        return self.iterations.assign_add(1)

    def _apply_weight_decay(self, variables):
        if tf.distribute.has_strategy() or self.weight_decay is None:
            super()._apply_weight_decay(variables)
            return
        rate, decay = tf.cast(self.learning_rate, tf.float32), tf.constant(self.weight_decay, tf.float32)
        for variable in filter(self._use_weight_decay, variables):
            variable.assign_sub(variable * decay * rate, read_value=False)


class Adam(_Traced, keras.optimizers.Adam):
    """Keras's Adam, traced sooner."""


class AdamW(_Traced, keras.optimizers.AdamW):
    """Keras's AdamW, traced sooner."""


def build_before_tracing(model, labels):
    """Create the variables of a compiled model's optimizer and metrics.

    Else the first step would create them, and tf.function would trace it twice.

    Args:
        model: compiled tf.keras.Model.
        labels: tensor specs of its labels, in the structure of its outputs.
    """

    def zeros(spec):
        return tf.zeros([side or 1 for side in spec.shape], spec.dtype)

    outputs = tf.nest.map_structure(zeros, model.output)
    model.optimizer.build(model.trainable_variables)
    model.compiled_loss.build(outputs)
    model.compiled_metrics.build(outputs, tf.nest.map_structure(zeros, labels))
